#include "model/socket_id.h"

#include <charconv>

namespace mr::model {
namespace {

std::optional<std::uint64_t> parse_half(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value >= SocketId::kHalfMax) return std::nullopt;
  return value;
}

}  // namespace

std::optional<SocketId> SocketId::parse(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto high = parse_half(text.substr(0, dot));
  const auto low = parse_half(text.substr(dot + 1));
  if (!high || !low) return std::nullopt;
  return SocketId{*high, *low};
}

std::string SocketId::to_string() const { return std::to_string(high) + "." + std::to_string(low); }

}  // namespace mr::model
