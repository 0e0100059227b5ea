#pragma once

#include <cstdint>

namespace mr::session {

// Names a session from outside its loop's stack: it may be gone when the answer comes.
struct SessionRef {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

}  // namespace mr::session
