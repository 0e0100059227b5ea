#include "json/value.h"

#include <simdjson.h>

#include <bit>
#include <charconv>

#include "json/text_walk.h"

namespace mr::json {
namespace {

using Node = simdjson::dom::element;
using Members = simdjson::dom::object::iterator;
using Elements = simdjson::dom::array::iterator;
using Opaque = std::array<std::uintptr_t, 2>;

template <class T>
Opaque hide(const T& value) {
  return std::bit_cast<Opaque>(value);
}

template <class T>
T show(const Opaque& value) {
  return std::bit_cast<T>(value);
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Type Value::type() const {
  switch (show<Node>(element_).type()) {
    case simdjson::dom::element_type::ARRAY:
      return Type::kArray;
    case simdjson::dom::element_type::OBJECT:
      return Type::kObject;
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return Type::kNumber;
    case simdjson::dom::element_type::STRING:
      return Type::kString;
    case simdjson::dom::element_type::BOOL:
      return Type::kBoolean;
    case simdjson::dom::element_type::NULL_VALUE:
      return Type::kNull;
  }
  return Type::kNull;
}

std::optional<std::string_view> Value::as_string() const {
  std::string_view text;
  if (show<Node>(element_).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<bool> Value::as_bool() const {
  bool value = false;
  if (show<Node>(element_).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<std::int64_t> Value::as_int() const {
  if (type() != Type::kNumber) return std::nullopt;
  return read_number<std::int64_t>(raw());
}

std::optional<std::uint64_t> Value::as_uint() const {
  if (type() != Type::kNumber) return std::nullopt;
  return read_number<std::uint64_t>(raw());
}

std::optional<double> Value::as_double() const {
  if (type() != Type::kNumber) return std::nullopt;
  return read_number<double>(raw());
}

std::optional<Value> Value::member(std::string_view name) const {
  if (!is_object()) return std::nullopt;
  for (Cursor cursor = children(); cursor.next();) {
    if (cursor.name() == name) return cursor.value();
  }
  return std::nullopt;
}

Cursor Value::children() const { return Cursor(*this); }

std::string_view Value::raw() const {
  return {begin_, static_cast<std::size_t>(skip_value(begin_) - begin_)};
}

Cursor::Cursor(const Value& parent) : at_(parent.begin_), parent_(parent.type()) {
  const Node element = show<Node>(parent.element_);
  simdjson::dom::object object;
  simdjson::dom::array array;
  if (element.get(object) == simdjson::SUCCESS) {
    next_ = hide(object.begin());
    last_ = hide(object.end());
  } else if (element.get(array) == simdjson::SUCCESS) {
    next_ = hide(array.begin());
    last_ = hide(array.end());
  }
}

bool Cursor::next() {
  if (next_ == last_) return false;
  // The text is stepped over only as far as somebody asks for children: a member that comes first
  // costs nothing for those behind it.
  at_ = current_.begin_ == nullptr ? at_ + 1 : skip_value(at_);
  at_ = skip_space(at_);
  if (*at_ == ',') at_ = skip_space(at_ + 1);
  if (parent_ == Type::kObject) {
    Members child = show<Members>(next_);
    at_ = skip_space(skip_space(skip_string(at_)) + 1);
    name_ = child.key();
    current_ = Value(hide(child.value()), at_);
    ++child;
    next_ = hide(child);
  } else {
    Elements child = show<Elements>(next_);
    current_ = Value(hide(*child), at_);
    ++child;
    next_ = hide(child);
  }
  return true;
}

}  // namespace mr::json
