#pragma once

#include <cstdint>

namespace mr::json {

enum class Errc : std::uint8_t {
  kTooLarge,  // over the parser's size cap; nothing was read
  kTooDeep,   // more than Parser::kDepthMax arrays and objects inside each other
  kUtf8,      // the text is not UTF-8
  kSyntax,    // not one JSON value (RFC 8259), or nothing at all
};

const char* describe(Errc code);

}  // namespace mr::json
