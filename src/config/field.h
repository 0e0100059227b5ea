#pragma once

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include "config/schema.h"

namespace mr::config {

// What a row's author writes; type, setter and getter follow from the member.
struct Row {
  std::string_view path;
  std::string_view text;
  std::string_view aliases = "";
  std::string_view env = "";
  std::string_view flag = "";
  std::string_view default_text = "";
  Unit unit = Unit::kNone;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  Change change = Change::kRestart;
  bool secret = false;
};

constexpr std::int64_t scale_of(Unit unit) {
  if (unit == Unit::kKilobytes) return 1024;
  if (unit == Unit::kMegabytes) return 1024 * 1024;
  return 1;
}

using Seconds = std::chrono::duration<double>;
using Milliseconds = std::chrono::duration<double, std::milli>;

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, bool>) return Type::kBoolean;
  if constexpr (std::is_same_v<T, base::Duration>) return Type::kNumber;
  if constexpr (std::is_same_v<T, std::string>) return Type::kText;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return Type::kTextList;
  if constexpr (std::is_same_v<T, std::vector<model::DeltaPattern>>) return Type::kPatterns;
  return Type::kInteger;
}

template <class T>
void store(T& member, Unit unit, const Value& value) {
  if constexpr (std::is_same_v<T, base::Duration>) {
    const double count = std::get<double>(value);
    member = unit == Unit::kMilliseconds
                 ? std::chrono::duration_cast<base::Duration>(Milliseconds(count))
                 : std::chrono::duration_cast<base::Duration>(Seconds(count));
  } else if constexpr (type_of<T>() == Type::kInteger) {
    member = static_cast<T>(std::get<std::int64_t>(value) * scale_of(unit));
  } else {
    member = std::get<T>(value);
  }
}

template <class T>
Value fetch(const T& member, Unit unit) {
  if constexpr (std::is_same_v<T, base::Duration>) {
    return unit == Unit::kMilliseconds ? Milliseconds(member).count() : Seconds(member).count();
  } else if constexpr (type_of<T>() == Type::kInteger) {
    return static_cast<std::int64_t>(member) / scale_of(unit);
  } else {
    return member;
  }
}

constexpr Key key_of(const Row& row, Type type) {
  Key key;
  key.path = row.path;
  key.type = type;
  key.text = row.text;
  key.aliases = row.aliases;
  key.env = row.env;
  key.flag = row.flag;
  key.default_text = row.default_text;
  key.unit = row.unit;
  key.min = row.min;
  key.max = row.max;
  key.change = row.change;
  key.secret = row.secret;
  return key;
}

// `field` is a captureless lambda that gives the member of a Settings by reference.
template <Unit unit = Unit::kNone, class Field>
Key setting(Row row, Field) {
  using T = std::remove_cvref_t<decltype(Field{}(std::declval<Settings&>()))>;
  row.unit = unit;
  Key key = key_of(row, type_of<T>());
  key.set = [](Settings& to, const Value& value) { store<T>(Field{}(to), unit, value); };
  key.get = [](const Settings& from) {
    return fetch<T>(Field{}(const_cast<Settings&>(from)), unit);
  };
  return key;
}

// The same for a member of an app.
template <class Field>
Key app_setting(const Row& row, Field) {
  using T = std::remove_cvref_t<decltype(Field{}(std::declval<model::AppOptions&>()))>;
  Key key = key_of(row, type_of<T>());
  key.set_app = [](model::AppOptions& to, const Value& value) {
    store<T>(Field{}(to), Unit::kNone, value);
  };
  key.get_app = [](const model::AppOptions& from) {
    return fetch<T>(Field{}(const_cast<model::AppOptions&>(from)), Unit::kNone);
  };
  return key;
}

}  // namespace mr::config
