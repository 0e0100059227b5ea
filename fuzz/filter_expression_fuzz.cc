#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "filter/filter.h"
#include "filter/oracle.h"

// Lines of "name=value" (the tags), an empty line, the filter. What is accepted decides like the
// slow evaluation of its text, and so does the one form it is put into.

namespace filter = mr::filter;

namespace {

std::vector<mr::model::Tag> cut_tags(std::string_view& rest) {
  std::vector<mr::model::Tag> tags;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) break;
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::string_view value = line.substr(std::min(equals + 1, line.size()));
    tags.push_back({std::string(line.substr(0, equals)), std::string(value)});
  }
  return tags;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser parser(64 * 1024);
  static mr::json::Parser slow(64 * 1024);
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  const mr::model::Tags tags = mr::model::make_tags(cut_tags(rest));
  const auto read = filter::Filter::parse(parser, rest);
  if (!read) {
    MR_ASSERT(read.error().detail.find("; ") != std::string::npos, "a refusal says what to do");
    MR_ASSERT(*filter::describe(read.error().code) != '\0', "every code has a text");
    return 0;
  }
  const filter::Filter& accepted = *read.value();
  const auto again = filter::Filter::parse(parser, accepted.text());
  MR_ASSERT(again.ok(), "the one form is a filter");
  MR_ASSERT(again.value()->text() == accepted.text(), "the one form is one");
  const auto root = slow.parse(rest);
  for (const std::string_view event : {"price", "trade"}) {
    const bool expected = filter::Oracle::passes(root.value(), event, tags);
    MR_ASSERT(accepted.passes(event, tags) == expected, "decides like the grammar says");
    MR_ASSERT(again.value()->passes(event, tags) == expected, "one form has one meaning");
  }
  return 0;
}
