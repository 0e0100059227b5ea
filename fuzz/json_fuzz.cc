#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "json/parser.h"
#include "json/writer.h"

// Whatever is accepted is written again in compact form, value by value; the copy must be accepted
// too and give itself. Every slice must be JSON on its own.

namespace {

namespace json = mr::json;

void copy(const json::Value& value, json::Writer& writer) {
  switch (value.type()) {
    case json::Type::kNull:
      writer.null();
      return;
    case json::Type::kBoolean:
      writer.boolean(*value.as_bool());
      return;
    case json::Type::kNumber:
      (void)value.as_double();
      (void)value.as_int();
      (void)value.as_uint();
      writer.raw(value.raw());
      return;
    case json::Type::kString:
      writer.string(*value.as_string());
      return;
    case json::Type::kArray:
      writer.begin_array();
      value.for_each_element([&](const json::Value& child) { copy(child, writer); });
      writer.end_array();
      return;
    case json::Type::kObject:
      writer.begin_object();
      value.for_each_member([&](std::string_view name, const json::Value& child) {
        writer.key(name);
        copy(child, writer);
      });
      writer.end_object();
      return;
  }
}

std::string compact(json::Parser& parser, std::string_view text) {
  const auto read = parser.parse(text);
  if (!read) return {};
  std::string out;
  json::Writer writer(out);
  copy(read.value(), writer);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static json::Parser parser(4096);  // below the longest input, so that its limit is met too
  static json::Parser roomy(64 * 1024);
  static json::Parser slices(64 * 1024);
  static json::Parser narrow(1024);
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const bool is_too_large = size > 1024;
  const auto limited = narrow.parse(text);
  MR_ASSERT((!limited && limited.error().code == json::Errc::kTooLarge) == is_too_large,
            "the size cap is exact");
  const auto read = parser.parse(text);
  if (!read) return 0;
  for (auto child = read.value().children(); child.next();) {
    MR_ASSERT(slices.parse(child.value().raw()).ok(), "a slice is JSON");
  }
  const std::string once = compact(roomy, text);
  MR_ASSERT(compact(roomy, once) == once, "a compact text stays as it is");
  return 0;
}
