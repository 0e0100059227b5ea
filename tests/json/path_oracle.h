#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "json/parser.h"

namespace mr::json {

// append_text_at() with the parser. Nullopt: nothing there; `is_json` false: nothing is promised.
inline std::optional<std::string> text_at(std::string_view text, std::string_view path,
                                          bool& is_json) {
  Parser parser(1 << 20);
  auto read = parser.parse(text);
  std::string inner;
  if (read && read.value().as_string()) {
    inner = *read.value().as_string();
    read = parser.parse(inner);
  }
  is_json = read.ok();
  if (!is_json) return std::nullopt;
  Value value = read.value();
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const auto member = value.member(path.substr(from, dot - from));
    if (!member) return std::nullopt;
    value = *member;
    from = dot + 1;
  }
  if (value.type() == Type::kNumber || value.type() == Type::kBoolean) {
    return std::string(value.raw());
  }
  const auto string = value.as_string();
  return string ? std::optional(std::string(*string)) : std::nullopt;
}

}  // namespace mr::json
