#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "config/tree.h"
#include "model/delta_settings.h"

namespace mr::config {

enum class Type : std::uint8_t {
  kBoolean,
  kInteger,
  kNumber,  // with fraction
  kText,
  kAddress,  // numeric IPv4 or IPv6, brackets allowed; localhost is the IPv4 loopback
  kHost,     // a name or a numeric address, brackets allowed
  kChoice,   // one of Key::choices
  kTextList,
  kApps,      // the applications; read by apps.h
  kPatterns,  // channel_delta_compression; read by delta_patterns.h
  kSubtree,   // any value: keys of features that are not there yet
};

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>,
                           std::vector<model::DeltaPattern>>;

enum class ValueErrc : std::uint8_t {
  kType,    // not of the key's type
  kBounds,  // outside its bounds or choices
};

struct Key;

// Own scalar typing: booleans are exactly true and false, integers have no leading zero, a quoted
// scalar is text. The detail of an error says what was found and what to write instead; it does
// not name the key and never repeats the value of a secret key.
base::Result<Value, ValueErrc> read_value(const Key& key, const Node& node);

// JSON text of a value.
std::string to_json(const Value& value);
std::string quote(std::string_view text);

}  // namespace mr::config
