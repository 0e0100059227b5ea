#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace mr::base {

void assert_failed(const char* condition, const char* what, const char* file, int line) {
  std::fprintf(stderr, "assertion failed: %s (%s) at %s:%d\n", what, condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace mr::base
