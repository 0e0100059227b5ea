#pragma once

#include <string>
#include <string_view>

namespace mr::cli {

// What a node answered about its cluster (/admin/cluster/{what}), for people. Empty: it is not
// what that node should answer.
std::string cluster_text(std::string_view what, std::string_view json);

}  // namespace mr::cli
