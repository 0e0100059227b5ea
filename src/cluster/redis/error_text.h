#pragma once

#include <string>
#include <string_view>

#include "cluster/redis/options.h"

namespace mr::cluster::redis {

// What an error reply means, for logs and /ready: who said it to which command, its text without
// arguments and secrets, and what to do.
std::string explain(std::string_view where, std::string_view command, std::string_view error,
                    const RedisOptions& options);

// What to do about a server that cannot be reached: begins with a verb.
std::string address_remedy(const RedisOptions& options);

// The line that makes an ACL user with what bus and registry need, the password left to fill in.
std::string acl_line(const RedisOptions& options);

}  // namespace mr::cluster::redis
