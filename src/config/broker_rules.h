#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "config/layers.h"
#include "config/settings.h"

namespace mr::config {

// What the rules of all brokers have in common.

// Two keys, both set, disagree; `what` stands between their names.
void refuse_both(Layers& layers, std::string_view one, std::string_view what,
                 std::string_view other);
void check_prefix(Layers& layers, const char* path, const std::optional<std::string>& problem);
// A user name is without its password; `told_at` is the key that says so.
void refuse_bare_user(Layers& layers, std::string_view user, std::string_view password,
                      std::string_view told_at);
// Keys of a broker whose driver nothing selects.
void warn_of_unused(Layers& layers, std::initializer_list<const char*> paths,
                    const std::string& remedy);

// Checks what is said of Redis, alone or with sentinels, and completes its options.
void check_redis(Layers& layers, BrokerOptions& broker);

}  // namespace mr::config
