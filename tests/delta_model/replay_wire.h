#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "hub/types.h"

namespace mr::delta_model {

// A frame of the tests: its text's length in eight hexadecimal digits, and the text.
std::string frame_head(std::size_t payload_bytes);
std::string text_frame(std::string_view payload);
// The texts of the whole frames at the beginning of `bytes`, which keeps the rest.
std::vector<std::string> split_frames(std::string& bytes);

// Sockets that take nothing until they are told how many frames. Of the last one they may take one
// byte first and the rest later.
class ReplayWire final : public hub::Wire {
 public:
  explicit ReplayWire(std::uint64_t seed) : random_(seed) {}

  hub::WriteResult write(std::uint32_t socket, std::span<const iovec> parts) override;
  std::size_t unsent_bytes(std::uint32_t) const override { return 0; }

  // One frame more may begin; true when only its first byte is taken.
  void allow_one(std::uint32_t socket) { sockets_[socket].frames_allowed = 1; }
  void allow_none(std::uint32_t socket) { sockets_[socket].frames_allowed = 0; }
  bool is_cut(std::uint32_t socket) { return sockets_[socket].missing > 0; }
  void allow_rest(std::uint32_t socket) { sockets_[socket].may_finish = true; }

  // The texts of the frames taken since the last call.
  std::vector<std::string> take(std::uint32_t socket);

 private:
  struct Socket {
    std::string got;
    std::size_t missing = 0;  // of the frame that is cut
    int frames_allowed = 0;
    bool may_finish = false;
  };

  base::SeededRandom random_;
  std::map<std::uint32_t, Socket> sockets_;
};

}  // namespace mr::delta_model
