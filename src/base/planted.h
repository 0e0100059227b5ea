#pragma once

#include <string_view>

// A bug that a test plants by its name, to prove that it would be noticed:
//   if (!MR_PLANTED("name")) keep_the_rule();
// In release builds, and wherever tests are not built, the macro is false.
#ifdef MR_PLANTING

namespace mr::base {

inline std::string_view planted;  // set before any loop runs; empty: none

inline bool is_planted(std::string_view name) { return !planted.empty() && planted == name; }

}  // namespace mr::base

#define MR_PLANTED(name) (::mr::base::is_planted(name))
#else
#define MR_PLANTED(name) false
#endif
