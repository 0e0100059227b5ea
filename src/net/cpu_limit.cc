#include "net/cpu_limit.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

namespace mr::net {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> ratio(const std::string& quota, const std::string& period) {
  const double q = std::atof(quota.c_str());  // "max" and "-1" mean none
  const double p = std::atof(period.c_str());
  if (q <= 0 || p <= 0) return std::nullopt;
  return q / p;
}

std::optional<double> quota_of(const std::string& folder) {
  std::istringstream v2(first_line(folder + "/cpu.max"));
  std::string quota;
  std::string period;
  if (v2 >> quota >> period) return ratio(quota, period);
  return ratio(first_line(folder + "/cpu.cfs_quota_us"), first_line(folder + "/cpu.cfs_period_us"));
}

// The tightest of `path` and all above it. In a container the path may be the host's and not
// exist; the mount's own root then carries the limit.
std::optional<double> tightest(const std::string& mount, std::string path) {
  std::optional<double> least;
  for (;;) {
    if (path == "/") path.clear();
    if (const auto quota = quota_of(mount + path)) least = std::min(least.value_or(*quota), *quota);
    if (path.empty()) return least;
    const auto slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
}

bool lists_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

std::size_t affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more than 1024 CPUs.
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const std::string& root) {
  std::optional<double> least;
  const auto take = [&](std::optional<double> quota) {
    if (quota) least = std::min(least.value_or(*quota), *quota);
  };
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/path", v2 "0::/path"
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      take(tightest(root + "/sys/fs/cgroup", path));
    } else if (lists_cpu(controllers)) {
      take(tightest(root + "/sys/fs/cgroup/cpu", path));
      take(tightest(root + "/sys/fs/cgroup/cpu,cpuacct", path));
    }
  }
  return least;
}

std::size_t default_loop_count() {
  auto count = std::max<std::size_t>(affinity_count(), 1);
  if (const auto quota = cgroup_cpu_quota()) {
    count = std::min(count, static_cast<std::size_t>(std::max(1.0, std::ceil(*quota))));
  }
  return count;
}

base::Result<std::uint64_t, NetErrc> raise_fd_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return base::Error<NetErrc>{
        NetErrc::kSystem, "getrlimit of descriptors: " + std::generic_category().message(errno)};
  }
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return base::Error<NetErrc>{NetErrc::kNoPermission,
                                "the limit of descriptors stays at " + std::to_string(before) +
                                    " of " + std::to_string(limit.rlim_max) + ": " +
                                    std::generic_category().message(errno) +
                                    "; raise it with ulimit -n or LimitNOFILE"};
  }
  return static_cast<std::uint64_t>(limit.rlim_cur);
}

base::Result<base::Done, NetErrc> check_fd_limit(std::size_t loops) {
  // Of a loop: epoll, the mailbox, the listener, the descriptor in reserve. The rest: the standard
  // streams, signals, log, metrics, control loop and a few connections.
  constexpr std::uint64_t kOfLoop = 4;
  constexpr std::uint64_t kOfNode = 24;
  const std::uint64_t needed = kOfLoop * loops + kOfNode;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return base::Done{};
  return base::Error<NetErrc>{
      NetErrc::kSystem, "the limit of open files is " + std::to_string(limit.rlim_cur) +
                            ", a node with " + std::to_string(loops) + " event loops needs " +
                            std::to_string(needed) +
                            " and one more per connection; raise it with ulimit -n or LimitNOFILE"};
}

}  // namespace mr::net
