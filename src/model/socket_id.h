#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mr::model {

// A connection's public name, "<high>.<low>" in decimal as Pusher writes it. Random, never reused;
// each half is below 10^10, so that JavaScript keeps it exact.
struct SocketId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static constexpr std::uint64_t kHalfMax = 10'000'000'000ULL;

  static std::optional<SocketId> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const SocketId&) const = default;
};

}  // namespace mr::model
