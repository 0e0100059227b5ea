#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/store.h"

namespace mr::cluster::redis {

// What a server says of itself with INFO.

// The life that its run id stands for; kNone: it tells none.
StoreLife life_of(std::string_view facts);

// Why it may drop records that nobody erased, with the remedy; nothing: it does not.
std::optional<std::string> eviction_problem(std::string_view where, std::string_view facts);

}  // namespace mr::cluster::redis
