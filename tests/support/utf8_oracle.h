#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::test {

// The slow truth about UTF-8: decodes each sequence to its number, then asks whether the number is
// a Unicode scalar value and whether its shortest encoding is what was read (RFC 3629 section 3).
inline bool decodes_as_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    std::size_t length = 0;
    std::uint32_t value = 0;
    if (lead < 0x80) {
      length = 1;
      value = lead;
    } else if (lead >> 5 == 0b110) {
      length = 2;
      value = lead & 0x1F;
    } else if (lead >> 4 == 0b1110) {
      length = 3;
      value = lead & 0x0F;
    } else if (lead >> 3 == 0b11110) {
      length = 4;
      value = lead & 0x07;
    } else {
      return false;
    }
    if (text.size() - at < length) return false;
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next >> 6 != 0b10) return false;
      value = value << 6 | (next & 0x3F);
    }
    const std::size_t shortest = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    if (length != shortest || value > 0x10FFFF) return false;
    if (value >= 0xD800 && value <= 0xDFFF) return false;
    at += length;
  }
  return true;
}

// Whether some continuation makes `text` valid: it is valid after at most three more bytes.
inline bool begins_utf8(std::string_view text) {
  if (decodes_as_utf8(text)) return true;
  // The first tail bytes decide overlong forms, surrogates and the upper end; try the corners.
  for (const char* tail :
       {"\x80", "\x9F", "\xA0", "\xBF", "\x80\x80", "\x90\x80", "\x8F\xBF", "\xA0\x80", "\x9F\xBF",
        "\x90\x80\x80", "\x8F\xBF\xBF", "\xBF\xBF\xBF", "\x80\x80\x80"}) {
    if (decodes_as_utf8(std::string(text) + tail)) return true;
  }
  return false;
}

}  // namespace mr::test
