#include "net/port_probe.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "net/address.h"

namespace mr::net {
namespace {

namespace fs = std::filesystem;

// Field 1 is "HEXADDRESS:HEXPORT", 3 the state (0A: listening), 9 the inode (proc(5)).
void collect_inodes(const char* table, std::uint16_t port, std::vector<std::string>& inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string> f;
    for (std::string field; f.size() < 10 && fields >> field;) f.push_back(field);
    if (f.size() < 10 || f[3] != "0A") continue;
    const auto colon = f[1].rfind(':');
    if (colon == std::string::npos) continue;
    if (std::strtoul(f[1].c_str() + colon + 1, nullptr, 16) == port) inodes.push_back(f[9]);
  }
}

bool has_one_of(const fs::path& process, const std::vector<std::string>& links) {
  std::error_code failed;
  for (fs::directory_iterator fd(process / "fd", failed), end; !failed && fd != end;
       fd.increment(failed)) {
    std::error_code gone;
    const std::string link = fs::read_symlink(fd->path(), gone).string();
    if (!gone && std::find(links.begin(), links.end(), link) != links.end()) return true;
  }
  return false;
}

// "name (pid 12)", or empty: a process of another user hides its descriptors.
std::string owner_of(std::uint16_t port) {
  std::vector<std::string> links;
  collect_inodes("/proc/net/tcp", port, links);
  collect_inodes("/proc/net/tcp6", port, links);
  for (std::string& inode : links) inode = "socket:[" + inode + "]";
  if (links.empty()) return {};
  std::error_code failed;
  for (fs::directory_iterator process("/proc", failed), end; !failed && process != end;
       process.increment(failed)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!has_one_of(process->path(), links)) continue;
    std::string name;
    std::ifstream comm(process->path() / "comm");
    std::getline(comm, name);
    return (name.empty() ? "a process" : name) + " (pid " + pid + ")";
  }
  return {};
}

base::Error<NetErrc> in_use(const Address& address) {
  const std::string owner = owner_of(address.port);
  return {NetErrc::kAddressInUse, "address " + address.host + " port " +
                                      std::to_string(address.port) + " is in use by " +
                                      (owner.empty() ? "a process that cannot be seen" : owner) +
                                      "; stop it or choose another port"};
}

// An abstract socket of this name: it is of the network namespace, as the port is, and nobody
// needs to clean it up. -1 when another process has it.
int bind_claim(std::uint16_t port) {
  const std::string name = "millrace-start-" + std::to_string(port);
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), own.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&own), length) == 0) return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

}  // namespace

base::Result<PortClaim, NetErrc> PortClaim::take(const Address& address, base::Duration patience) {
  if (address.port == 0) return PortClaim(-1);
  constexpr int kLookEveryMs = 5;
  for (base::Duration waited{0};; waited += std::chrono::milliseconds(kLookEveryMs)) {
    const int socket = bind_claim(address.port);
    if (socket >= 0) {
      PortClaim claim(socket);
      if (auto probe = probe_port(address); !probe) return probe.error();
      return claim;
    }
    if (errno != EADDRINUSE) return system_error("claim", address, errno);
    if (waited >= patience) {
      return base::Error<NetErrc>{NetErrc::kAddressInUse,
                                  "address " + address.host + " port " +
                                      std::to_string(address.port) +
                                      " is being taken by another node that does not finish its "
                                      "start; stop it or choose another port"};
    }
    ::poll(nullptr, 0, kLookEveryMs);
  }
}

PortClaim::~PortClaim() {
  if (socket_ >= 0) ::close(socket_);
}

base::Result<base::Done, NetErrc> probe_port(const Address& address) {
  auto raw = to_socket_address(address);
  if (!raw) return raw.error();
  const SocketAddress& target = raw.value();
  const int socket = ::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return system_error("socket for", address, errno);
  const int on = 1;
  const int off = 0;
  // Connections in TIME_WAIT must not refuse a restart.
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (target.family() == AF_INET6) {
    setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  const int bound = ::bind(socket, target.raw(), target.length);
  const int error = errno;
  ::close(socket);
  if (bound == 0) return base::Done{};
  if (error == EADDRINUSE) return in_use(address);
  return system_error("bind", address, error);
}

}  // namespace mr::net
