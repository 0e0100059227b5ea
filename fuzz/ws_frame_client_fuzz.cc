#include "ws_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  mr::fuzz::check_frames(mr::ws::Role::kClient, {bytes, size});
  return 0;
}
