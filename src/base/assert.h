#pragma once

namespace mr::base {

// Prints condition, text, file and line to stderr and aborts.
[[noreturn]] void assert_failed(const char* condition, const char* what, const char* file,
                                int line);

}  // namespace mr::base

// A bug in our own code ends the process, in release builds too. Never on anything that a peer,
// a file or a broker can cause.
#define MR_ASSERT(cond, what)                                       \
  do {                                                              \
    if (!(cond)) [[unlikely]] {                                     \
      ::mr::base::assert_failed(#cond, (what), __FILE__, __LINE__); \
    }                                                               \
  } while (false)
