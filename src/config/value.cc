#include "config/value.h"

#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "config/delta_patterns.h"
#include "config/schema.h"
#include "config/suggest.h"

namespace mr::config {
namespace {

using Failure = base::Error<ValueErrc>;

std::string shown(const Key& key, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
    case Node::Kind::kScalar:
      break;
  }
  if (key.secret) return "another value";
  const std::string text = node.text.size() > 60 ? node.text.substr(0, 57) + "..." : node.text;
  return (node.quoted ? "the text " : "") + quote(text);
}

Failure wrong_type(const Key& key, const Node& node, std::string_view remedy) {
  std::string detail = "expected " + std::string(type_name(key.type)) + ", found ";
  detail += shown(key, node);
  if (!remedy.empty()) detail += "; " + std::string(remedy);
  return {ValueErrc::kType, std::move(detail)};
}

std::string number_text(double number) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string bound_text(double number) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed).ptr;
  return {text, end};
}

base::Result<Value, ValueErrc> bounded(const Key& key, double number, Value value) {
  if (number >= key.min && number <= key.max) return value;
  return Failure{ValueErrc::kBounds, "must be between " + bound_text(key.min) + " and " +
                                         bound_text(key.max) + std::string(unit_name(key.unit)) +
                                         ", found " + number_text(number)};
}

// Digits without a leading zero, perhaps with a sign.
bool is_plain_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  return text.size() == 1 || text.front() != '0';
}

base::Result<Value, ValueErrc> read_integer(const Key& key, const Node& node) {
  if (node.quoted) return wrong_type(key, node, "remove the quotes");
  if (!is_plain_integer(node.text)) {
    return wrong_type(key, node, "write digits without leading zeros, units or separators");
  }
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
  if (error != std::errc() || end != node.text.data() + node.text.size()) {
    return wrong_type(key, node, "the number is too large");
  }
  return bounded(key, static_cast<double>(number), number);
}

base::Result<Value, ValueErrc> read_number(const Key& key, const Node& node) {
  if (node.quoted) return wrong_type(key, node, "remove the quotes");
  const std::size_t dot = node.text.find_first_of(".eE");
  double number = 0;
  const auto [end, error] =
      std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
  if (error != std::errc() || end != node.text.data() + node.text.size() ||
      !std::isfinite(number) || !is_plain_integer(std::string_view(node.text).substr(0, dot))) {
    return wrong_type(key, node, "write a number such as 15 or 0.5 without a unit");
  }
  return bounded(key, number, number);
}

base::Result<Value, ValueErrc> read_choice(const Key& key, const Node& node) {
  std::vector<std::string> choices;
  for (const std::string_view choice : words(key.choices)) {
    if (choice == node.text) return Value(node.text);
    choices.emplace_back(choice);
  }
  const std::string near = nearest(node.text, choices);
  return Failure{ValueErrc::kBounds,
                 "must be one of: " + std::string(key.choices) + "; found " + shown(key, node) +
                     (near.empty() ? "" : "; did you mean " + quote(near) + "?")};
}

base::Result<Value, ValueErrc> read_list(const Key& key, const Node& node) {
  std::vector<std::string> list;
  if (node.kind == Node::Kind::kScalar) {
    list.push_back(node.text);
    return Value(std::move(list));
  }
  if (node.kind != Node::Kind::kList) return wrong_type(key, node, "write [\"a\", \"b\"]");
  for (const Node& item : node.items) {
    if (item.kind != Node::Kind::kScalar) {
      return wrong_type(key, item, "every element must be a text");
    }
    list.push_back(item.text);
  }
  return Value(std::move(list));
}

bool is_numeric_address(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  // An empty host would mean the loopback to getaddrinfo.
  if (text.empty() || getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) return false;
  freeaddrinfo(found);
  return true;
}

std::string without_brackets(const std::string& text) {
  if (text.starts_with('[') && text.ends_with(']')) return text.substr(1, text.size() - 2);
  return text;
}

bool is_host_name(const std::string& text) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), is_good);
}

base::Result<Value, ValueErrc> read_host(const Key& key, const Node& node) {
  if (is_host_name(node.text)) return Value(node.text);
  std::string text = without_brackets(node.text);
  if (is_numeric_address(text)) return Value(std::move(text));
  return Failure{ValueErrc::kBounds, shown(key, node) +
                                         " is neither a host name nor a numeric address; give one "
                                         "like redis.example.com, 10.0.0.7 or ::1"};
}

base::Result<Value, ValueErrc> read_address(const Key& key, const Node& node) {
  if (node.text == "localhost") return Value("127.0.0.1");
  std::string text = without_brackets(node.text);
  if (is_numeric_address(text)) return Value(std::move(text));
  return Failure{ValueErrc::kBounds, shown(key, node) +
                                         " is not a numeric address; give one like 127.0.0.1, "
                                         "0.0.0.0, ::1 or ::, or localhost"};
}

}  // namespace

base::Result<Value, ValueErrc> read_value(const Key& key, const Node& node) {
  if (key.type == Type::kTextList) return read_list(key, node);
  if (node.kind != Node::Kind::kScalar) return wrong_type(key, node, "");
  switch (key.type) {
    case Type::kBoolean:
      if (!node.quoted && (node.text == "true" || node.text == "false")) {
        return Value(node.text == "true");
      }
      return wrong_type(key, node, "write true or false without quotes");
    case Type::kInteger:
      return read_integer(key, node);
    case Type::kNumber:
      return read_number(key, node);
    case Type::kChoice:
      return read_choice(key, node);
    case Type::kAddress:
      return read_address(key, node);
    case Type::kHost:
      return read_host(key, node);
    case Type::kText:
    case Type::kTextList:
    case Type::kApps:
    case Type::kPatterns:
    case Type::kSubtree:
      break;
  }
  return Value(node.text);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string to_json(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return quote(*text);
  if (const auto* patterns = std::get_if<std::vector<model::DeltaPattern>>(&value)) {
    return to_json(*patterns);
  }
  std::string out = "[";
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    if (out.size() > 1) out += ", ";
    out += quote(item);
  }
  return out + "]";
}

}  // namespace mr::config
