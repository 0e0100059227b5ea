#include "pusher/delta_request.h"

#include <string_view>

#include "json/writer.h"

namespace mr::pusher {
namespace {

std::optional<json::Value> given(const json::Value& object, std::string_view name) {
  auto value = object.member(name);
  if (value && value->is_null()) value.reset();
  return value;
}

// `ok` turns false when the member has the wrong type.
std::optional<bool> read_flag(const json::Value& object, std::string_view name, bool& ok) {
  const auto value = given(object, name);
  if (!value) return std::nullopt;
  const auto flag = value->as_bool();
  ok = ok && flag;
  return flag;
}

std::optional<model::CacheSync> read_cache_sync(const json::Value& object, bool& ok) {
  const auto value = given(object, "cache_sync");
  if (!value) return std::nullopt;
  const auto text = value->as_string();
  if (text == "bases") return model::CacheSync::kBases;
  ok = ok && text;
  return text == "empty" ? std::optional(model::CacheSync::kEmpty) : std::nullopt;
}

model::DeltaWish wish_of(std::string_view name) {
  model::DeltaWish wish;
  wish.enabled = name != "disabled" && name != "false" && name != "none";
  wish.algorithm = model::parse_delta_algorithm(name);
  return wish;
}

}  // namespace

std::optional<model::DeltaSwitch> read_delta_switch(const json::Value& data) {
  bool ok = data.is_object();
  model::DeltaSwitch asked;
  asked.enabled = read_flag(data, "enabled", ok).value_or(true);
  asked.crc = read_flag(data, "crc", ok).value_or(false);
  asked.cache_sync = read_cache_sync(data, ok);
  if (const auto list = given(data, "algorithms")) {
    ok = ok && list->is_array();
    asked.offer.emplace();
    for (auto cursor = list->children(); cursor.next();) {
      const auto algorithm =
          model::parse_delta_algorithm(cursor.value().as_string().value_or(std::string_view()));
      if (algorithm) asked.offer->add(*algorithm);
    }
  }
  return ok ? std::optional(asked) : std::nullopt;
}

std::optional<model::DeltaWish> read_delta_wish(const json::Value& value) {
  if (const auto name = value.as_string()) return wish_of(*name);
  if (const auto flag = value.as_bool()) return model::DeltaWish{.enabled = *flag};
  bool ok = value.is_object();
  model::DeltaWish wish;
  if (const auto algorithm = given(value, "algorithm")) {
    const auto name = algorithm->as_string();
    ok = ok && name;
    wish = wish_of(name.value_or(std::string_view()));
  }
  wish.enabled = read_flag(value, "enabled", ok).value_or(wish.enabled);
  wish.crc = read_flag(value, "crc", ok);
  wish.cache_sync = read_cache_sync(value, ok);
  return ok ? std::optional(wish) : std::nullopt;
}

std::string delta_compression_enabled(std::optional<model::DeltaAlgorithm> algorithm,
                                      bool is_second) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.key("event");
  writer.string(is_second ? "sockudo:delta_compression_enabled"
                          : "pusher:delta_compression_enabled");
  writer.key("data");
  writer.begin_object();
  writer.key("enabled");
  writer.boolean(algorithm.has_value());
  if (algorithm) {
    writer.key("algorithm");
    writer.string(model::wire_name(*algorithm));
  }
  writer.end_object();
  writer.end_object();
  return out;
}

}  // namespace mr::pusher
