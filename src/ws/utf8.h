#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr::ws {

// Well-formed UTF-8 as of RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF.
bool is_valid_utf8(std::string_view text);

// The same for text that comes in pieces. Fails at the first byte that no continuation could make
// valid. Plain value of three bytes; not usable after a failure until reset().
class Utf8Validator {
 public:
  // False: the text so far cannot be the beginning of valid UTF-8.
  bool feed(std::string_view piece);
  // The text so far does not end within a sequence.
  bool is_complete() const { return needed_ == 0; }
  void reset() { *this = Utf8Validator(); }

 private:
  bool step(unsigned char byte);

  std::uint8_t needed_ = 0;  // bytes missing from the sequence
  std::uint8_t low_ = 0x80;  // bounds of the next one
  std::uint8_t high_ = 0xBF;
};

}  // namespace mr::ws
