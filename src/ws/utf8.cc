#include "ws/utf8.h"

#include <cstring>

namespace mr::ws {
namespace {

// What a first byte demands (RFC 3629 section 4): how many bytes follow and where the first of them
// must lie, which is what excludes overlong forms, surrogates and values over U+10FFFF.
struct Lead {
  std::uint8_t following = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  bool valid = false;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {0, 0x80, 0xBF, true};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {1, 0x80, 0xBF, true};
  if (byte == 0xE0) return {2, 0xA0, 0xBF, true};
  if (byte == 0xED) return {2, 0x80, 0x9F, true};
  if (byte < 0xF0) return {2, 0x80, 0xBF, true};
  if (byte == 0xF0) return {3, 0x90, 0xBF, true};
  if (byte < 0xF4) return {3, 0x80, 0xBF, true};
  if (byte == 0xF4) return {3, 0x80, 0x8F, true};
  return {};
}

const unsigned char* skip_ascii(const unsigned char* at, const unsigned char* end) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  while (end - at >= 16) {
    std::uint64_t words[2];
    std::memcpy(words, at, sizeof(words));
    if (((words[0] | words[1]) & kHighBits) != 0) break;
    at += 16;
  }
  while (at < end && *at < 0x80) ++at;
  return at;
}

bool is_tail(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The first position that is not a complete valid sequence: the end of good text, or where a cut or
// broken sequence begins.
const unsigned char* skip_complete(const unsigned char* at, const unsigned char* end) {
  while (true) {
    at = skip_ascii(at, end);
    if (at == end) return end;
    const Lead lead = lead_of(*at);
    if (!lead.valid || end - at <= lead.following) return at;
    if (at[1] < lead.low || at[1] > lead.high) return at;
    if (lead.following >= 2 && !is_tail(at[2])) return at;
    if (lead.following == 3 && !is_tail(at[3])) return at;
    at += 1 + lead.following;
  }
}

const unsigned char* begin_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const unsigned char* end = begin_of(text) + text.size();
  return skip_complete(begin_of(text), end) == end;
}

bool Utf8Validator::feed(std::string_view piece) {
  const unsigned char* at = begin_of(piece);
  const unsigned char* end = at + piece.size();
  while (at < end && needed_ != 0) {
    if (!step(*at++)) return false;
  }
  at = skip_complete(at, end);
  // At most three bytes of a cut sequence are left, or a broken one that fails here.
  while (at < end) {
    if (!step(*at++)) return false;
  }
  return true;
}

bool Utf8Validator::step(unsigned char byte) {
  if (needed_ != 0) {
    if (byte < low_ || byte > high_) return false;
    --needed_;
    low_ = 0x80;
    high_ = 0xBF;
    return true;
  }
  const Lead lead = lead_of(byte);
  needed_ = lead.following;
  low_ = lead.low;
  high_ = lead.high;
  return lead.valid;
}

}  // namespace mr::ws
