#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace mr::net {

// CPUs that the process's cgroup may use (v1 and v2, the tightest of its ancestors); nothing when
// there is no quota. `root` is put before /proc and /sys.
std::optional<double> cgroup_cpu_quota(const std::string& root = "");
// CPUs of the affinity mask, capped by the quota (rounded up); at least 1.
std::size_t default_loop_count();
// Raises the soft limit of descriptors to the hard one and returns it. On an error the detail
// names both.
base::Result<std::uint64_t, NetErrc> raise_fd_limit();
// Whether the soft limit lets that many loops start. On an error the detail names limit and need.
base::Result<base::Done, NetErrc> check_fd_limit(std::size_t loops);

}  // namespace mr::net
