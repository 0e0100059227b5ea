#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "delta/place.h"
#include "delta/wire_key.h"
#include "json/parser.h"
#include "json/writer.h"

// The input is the value of an event's data. Whatever a decoder would read as one of its members,
// at the top of the data or anywhere in the value's text, is found. As a key it comes back.

namespace delta = mr::delta;

namespace {

bool is_member(std::string_view name) {
  return name == "__delta_seq" || name == "__conflation_key";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser outer(64 * 1024);
  static mr::json::Parser inner(64 * 1024);
  const std::string value(reinterpret_cast<const char*>(bytes), size);
  MR_ASSERT(delta::parse_wire_key(delta::wire_key(value)) == value, "a key comes back");
  (void)delta::parse_wire_key(value);

  // As it comes, which need not be JSON, and in an envelope that is.
  (void)delta::place_of({"e", value, value, false, {}}, 20);
  std::string text;
  mr::json::Writer writer(text);
  writer.begin_object();
  writer.key("data");
  writer.string(value);
  writer.end_object();
  const auto envelope = outer.parse(text);
  if (!envelope) return 0;
  const auto data = envelope.value().member("data");
  MR_ASSERT(data && data->as_string() == value, "what was written is read");
  const bool found = delta::has_member_text(text, data->raw());
  MR_ASSERT(found || (value.find("__delta_seq") == value.npos &&
                      value.find("__conflation_key") == value.npos),
            "a member in the text is found");
  const auto object = inner.parse(value);
  if (!object) return 0;
  object.value().for_each_member([found](std::string_view name, const mr::json::Value&) {
    MR_ASSERT(found || !is_member(name), "a member of the data is found");
  });
  return 0;
}
