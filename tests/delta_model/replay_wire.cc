#include "delta_model/replay_wire.h"

#include <algorithm>
#include <cstdlib>

namespace mr::delta_model {
namespace {

constexpr std::size_t kHeadBytes = 8;

std::size_t payload_of(std::string_view head) {
  return std::strtoul(std::string(head.substr(0, kHeadBytes)).c_str(), nullptr, 16);
}

}  // namespace

std::string frame_head(std::size_t payload_bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string head(kHeadBytes, '0');
  for (std::size_t at = kHeadBytes; at > 0; --at, payload_bytes /= 16) {
    head[at - 1] = kDigits[payload_bytes % 16];
  }
  return head;
}

std::string text_frame(std::string_view payload) {
  return frame_head(payload.size()).append(payload);
}

std::vector<std::string> split_frames(std::string& bytes) {
  std::vector<std::string> texts;
  std::string_view left = bytes;
  while (left.size() >= kHeadBytes) {
    const std::size_t size = payload_of(left);
    if (left.size() < kHeadBytes + size) break;
    texts.emplace_back(left.substr(kHeadBytes, size));
    left.remove_prefix(kHeadBytes + size);
  }
  bytes = std::string(left);
  return texts;
}

hub::WriteResult ReplayWire::write(std::uint32_t number, std::span<const iovec> parts) {
  Socket& socket = sockets_[number];
  std::string offered;
  for (const iovec& part : parts) {
    offered.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  std::size_t taken = 0;
  if (socket.missing > 0) {
    if (!socket.may_finish) return {hub::WriteStatus::kBlocked, 0};
    taken = std::min(socket.missing, offered.size());
    socket.missing -= taken;
  }
  while (socket.frames_allowed > 0 && taken < offered.size() && socket.missing == 0) {
    --socket.frames_allowed;
    const std::size_t bytes = kHeadBytes + payload_of(std::string_view(offered).substr(taken));
    const std::size_t now = random_.below(2) == 0 ? 1 : bytes;
    socket.missing = bytes - now;
    taken += now;
  }
  socket.got.append(offered, 0, taken);
  return {taken == 0 ? hub::WriteStatus::kBlocked : hub::WriteStatus::kOk, taken};
}

std::vector<std::string> ReplayWire::take(std::uint32_t number) {
  Socket& socket = sockets_[number];
  socket.may_finish = false;
  return split_frames(socket.got);
}

}  // namespace mr::delta_model
