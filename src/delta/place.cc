#include "delta/place.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/planted.h"

namespace mr::delta {
namespace {

constexpr std::array<std::string_view, 2> kMembers = {"__delta_seq", "__conflation_key"};
constexpr std::array<std::string_view, 4> kReserved = {
    "pusher:", "pusher_internal:", "sockudo:", "sockudo_internal:"};
constexpr std::string_view kEscape = "\\u";
constexpr std::size_t kEscapeBytes = 6;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool names_member(std::string_view text) {
  return std::any_of(kMembers.begin(), kMembers.end(),
                     [text](std::string_view member) { return contains(text, member); });
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// What \uXXXX at `at` stands for; characters beyond ASCII, which no member has, are one NUL.
// Nullopt: there is none.
std::optional<char> escape_at(std::string_view text, std::size_t at) {
  if (text.substr(at, kEscape.size()) != kEscape || text.size() - at < kEscapeBytes) {
    return std::nullopt;
  }
  int code = 0;
  for (std::size_t i = kEscape.size(); i < kEscapeBytes; ++i) {
    const int digit = digit_of(text[at + i]);
    if (digit < 0) return std::nullopt;
    code = code * 16 + digit;
  }
  return code < 0x80 ? static_cast<char>(code) : '\0';
}

// `pairs`: a backslash and the character behind it are one, as JSON reads them; only what can
// become part of a member or of another escape has to come out right.
std::string resolve(std::string_view text, bool pairs) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (const auto c = escape_at(text, at)) {
      out.push_back(*c);
      at += kEscapeBytes;
    } else if (pairs && text[at] == '\\' && at + 1 < text.size()) {
      out.push_back(text[at + 1]);
      at += 2;
    } else {
      out.push_back(text[at++]);
    }
  }
  return out;
}

bool is_falsy(std::string_view data) {
  if (data.empty() || data == "\"\"" || data == "false" || data == "null") return true;
  if (data.front() != '-' && data.front() != '0') return false;
  // A number; its exponent does not matter.
  return data.substr(0, data.find_first_of("eE")).find_first_of("123456789") == data.npos;
}

// The bytes of a string's value, not of its JSON text.
bool is_shorter(std::string_view data, std::size_t bytes) {
  if (data.empty() || data.front() != '"') return data.size() < bytes;
  std::size_t length = 0;
  for (std::size_t at = 1; at + 1 < data.size() && length < bytes; ++length) {
    at += data[at] != '\\' ? 1 : data[at + 1] == 'u' ? kEscapeBytes : 2;
  }
  return length < bytes;
}

}  // namespace

bool has_member_text(std::string_view text, std::string_view data) {
  // Without an escape of this kind nothing can come to light by resolving.
  if (!contains(text, kEscape)) return names_member(text);
  if (MR_PLANTED("only_the_bytes")) return names_member(text);
  const bool is_string = data.size() >= 2 && data.front() == '"';
  return names_member(resolve(text, false)) ||
         (is_string &&
          names_member(resolve(resolve(data.substr(1, data.size() - 2), true), false)));
}

Place place_of(const Candidate& candidate, std::size_t data_bytes_min) {
  const auto is_prefix = [&](std::string_view prefix) {
    return candidate.event.starts_with(prefix);
  };
  if (is_falsy(candidate.data) && !MR_PLANTED("falsy_inside")) return Place::kOutside;
  if (!MR_PLANTED("reserved_inside") && std::any_of(kReserved.begin(), kReserved.end(), is_prefix))
    return Place::kOutside;
  const bool is_small = is_shorter(candidate.data, data_bytes_min);
  if (has_member_text(candidate.text, candidate.data) &&
      !(MR_PLANTED("member_text_outside") && is_small)) {
    return MR_PLANTED("member_is_base") ? Place::kInside : Place::kNeverBase;
  }
  if (candidate.is_client_event) return Place::kOutside;
  return is_small && candidate.wish != true ? Place::kOutside : Place::kInside;
}

}  // namespace mr::delta
