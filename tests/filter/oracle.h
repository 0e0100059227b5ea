#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "json/value.h"
#include "model/tags.h"

namespace mr::filter {

// The grammar once more, slow and straight from the JSON. `filter` was accepted by Filter::parse().
class Oracle {
 public:
  static bool passes(const json::Value& filter, std::string_view event, const model::Tags& tags) {
    if (!has(filter, "events") && !has(filter, "tags")) return !tags.empty() && node(filter, tags);
    bool is_named = !has(filter, "events");
    if (!is_named) {
      filter.member("events")->for_each_element(
          [&](const json::Value& name) { is_named = is_named || *name.as_string() == event; });
    }
    if (!is_named) return false;
    return !has(filter, "tags") || (!tags.empty() && node(*filter.member("tags"), tags));
  }

 private:
  static bool has(const json::Value& object, std::string_view name) {
    const auto member = object.member(name);
    return member && !member->is_null();
  }

  static std::string text(const json::Value& value) {
    const auto read = value.as_string();
    return std::string(read ? *read : value.raw());
  }

  static std::optional<double> number(std::string_view text) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    double read = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return read;
  }

  static bool node(const json::Value& value, const model::Tags& tags) {
    if (!has(value, "op")) return leaf(value, tags);
    const std::string op = text(*value.member("op"));
    int all = 0;
    int held = 0;
    value.member("nodes")->for_each_element([&](const json::Value& child) {
      ++all;
      held += node(child, tags) ? 1 : 0;
    });
    return op == "and" ? held == all : op == "or" ? held > 0 : held == 0;
  }

  static bool leaf(const json::Value& value, const model::Tags& tags) {
    const std::string key = text(*value.member("key"));
    const std::string cmp = text(*value.member("cmp"));
    const std::string* tag = nullptr;
    for (const model::Tag& each : tags) tag = each.name == key ? &each.value : tag;
    if (cmp == "ex" || cmp == "nex") return (tag != nullptr) == (cmp == "ex");
    if (cmp == "in" || cmp == "nin") {
      bool is_listed = false;
      value.member("vals")->for_each_element([&](const json::Value& each) {
        is_listed = is_listed || (tag != nullptr && *tag == text(each));
      });
      return is_listed == (cmp == "in");
    }
    const std::string val = text(*value.member("val"));
    if (cmp == "neq") return tag == nullptr || *tag != val;
    if (tag == nullptr) return false;
    if (cmp == "eq") return *tag == val;
    if (cmp == "ct") return tag->find(val) != std::string::npos;
    if (cmp == "sw") return tag->substr(0, val.size()) == val;
    if (cmp == "ew") {
      return tag->size() >= val.size() && tag->substr(tag->size() - val.size()) == val;
    }
    const auto a = number(*tag);
    const auto b = number(val);
    if (!a || !b) return false;
    return cmp == "gt" ? *a > *b : cmp == "gte" ? *a >= *b : cmp == "lt" ? *a < *b : *a <= *b;
  }
};

}  // namespace mr::filter
