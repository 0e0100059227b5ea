#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "config/load.h"

namespace mr::config {
namespace {

using Failure = base::Error<FileErrc>;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// More than the reader of documents accepts, so that it is the one to complain.
constexpr std::size_t kFileMax = 5 << 20;

base::Result<std::string, FileErrc> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) return Failure{FileErrc::kUnreadable, std::strerror(errno)};
  std::string text;
  char chunk[16384];
  while (text.size() < kFileMax) {
    const std::size_t count = std::fread(chunk, 1, sizeof chunk, file.get());
    text.append(chunk, count);
    if (count < sizeof chunk) break;
  }
  if (std::ferror(file.get()) != 0) return Failure{FileErrc::kUnreadable, std::strerror(errno)};
  return text;
}

// Looks and does not touch: the file is made by the start.
std::string why_not_writable(const std::string& path) {
  if (access(path.c_str(), W_OK) == 0) return {};
  if (errno != ENOENT) return std::strerror(errno);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return std::strerror(errno);
}

// Empty when the system does not tell.
std::string hostname() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// The first one that others may reach, IPv4 before IPv6; empty when there is none.
std::string address() {
  ifaddrs* found = nullptr;
  if (getifaddrs(&found) != 0) return {};
  std::string best;
  for (const ifaddrs* at = found; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_UP) == 0) continue;
    if ((at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (at->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
      best = inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
      break;
    }
    if (at->ifa_addr->sa_family != AF_INET6 || !best.empty()) continue;
    const auto* in = reinterpret_cast<const sockaddr_in6*>(at->ifa_addr);
    if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr)) continue;
    best = inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
  }
  freeifaddrs(found);
  return best;
}

}  // namespace

LoadInput input_of_process(std::vector<std::string> args) {
  LoadInput input{std::move(args),
                  {},
                  &read_file,
                  &why_not_writable,
                  hostname(),
                  address(),
                  static_cast<std::uint32_t>(getpid())};
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    input.environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return input;
}

}  // namespace mr::config
