#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/errc.h"
#include "json/value.h"

namespace mr::json {

// Reads untrusted JSON completely (RFC 8259, UTF-8 only) before anything of it is used. One per
// loop; memory is kept between texts and given back after a large one. Not thread-safe.
// Numbers of any size are accepted: they stay text. A lone surrogate escape is a syntax error.
class Parser {
 public:
  static constexpr std::size_t kDepthMax = 64;

  explicit Parser(std::size_t bytes_max);
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // The text is copied; the value and all views of it live until the next parse().
  base::Result<Value, Errc> parse(std::string_view text);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
  std::size_t bytes_max_;
};

}  // namespace mr::json
