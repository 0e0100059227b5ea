#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "json/path.h"
#include "json/path_oracle.h"
#include "json/writer.h"

// A path, a line break, a text. What the parser takes has the parser's answer, also inside a
// string; the rest ends.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view path = input.substr(0, line);
  const std::string_view text = input.substr(std::min(line + 1, input.size()));
  std::string found = "kept";
  const bool is_there = mr::json::append_text_at(text, path, found);
  MR_ASSERT(found.starts_with("kept") && (is_there || found.size() == 4), "appends or does not");
  bool is_json = false;
  const auto expected = mr::json::text_at(text, path, is_json);
  if (!is_json) return 0;
  MR_ASSERT(is_there == expected.has_value(), "finds what the parser finds");
  MR_ASSERT(!is_there || found.substr(4) == *expected, "gives what the parser gives");
  if (text.find_first_not_of(" \t\n\r") != text.find('{')) return 0;
  std::string quoted;
  MR_ASSERT(mr::json::append_text_at(mr::json::quote(text), path, quoted) == is_there &&
                (!is_there || quoted == *expected),
            "the same inside a string");
  return 0;
}
