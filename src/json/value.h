#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr::json {

enum class Type : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

class Cursor;

// A light view of one value of a parsed text; copy it freely. Valid until the Parser's next
// parse(), as is every string_view it gives.
class Value {
 public:
  Type type() const;
  bool is_object() const { return type() == Type::kObject; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_null() const { return type() == Type::kNull; }

  // Unescaped.
  std::optional<std::string_view> as_string() const;
  std::optional<bool> as_bool() const;
  // Numbers are kept as text and read on demand: nullopt if not a number, with a fraction or an
  // exponent (as_int, as_uint), or out of range.
  std::optional<std::int64_t> as_int() const;
  std::optional<std::uint64_t> as_uint() const;
  std::optional<double> as_double() const;

  // The member of an object; the first one wins when a name comes twice. nullopt also when this
  // is no object.
  std::optional<Value> member(std::string_view name) const;

  // Members of an object or elements of an array, in the order of the text; none for the others.
  Cursor children() const;
  // f(std::string_view name, Value)
  template <class F>
  void for_each_member(F&& f) const;
  // f(Value)
  template <class F>
  void for_each_element(F&& f) const;

  // The exact bytes of this value in the source, without white space around it.
  std::string_view raw() const;

 private:
  friend class Parser;
  friend class Cursor;
  // The reading library's element, opaque here so that its header stays in the sources.
  using Element = std::array<std::uintptr_t, 2>;
  Value() = default;
  Value(Element element, const char* begin) : element_(element), begin_(begin) {}

  Element element_{};
  const char* begin_ = nullptr;  // first byte of the value in the source
};

// Walks the members or elements: `for (auto c = value.children(); c.next();) c.value()`.
class Cursor {
 public:
  bool next();
  std::string_view name() const { return name_; }  // unescaped; empty in arrays
  const Value& value() const { return current_; }

 private:
  friend class Value;
  explicit Cursor(const Value& parent);

  Value current_;
  std::string_view name_;
  Value::Element next_{};  // the library's iterators, opaque as above
  Value::Element last_{};
  const char* at_ = nullptr;  // in the source: where the child before `next_` begins
  Type parent_ = Type::kNull;
};

template <class F>
void Value::for_each_member(F&& f) const {
  if (!is_object()) return;
  for (Cursor cursor = children(); cursor.next();) f(cursor.name(), cursor.value());
}

template <class F>
void Value::for_each_element(F&& f) const {
  if (!is_array()) return;
  for (Cursor cursor = children(); cursor.next();) f(cursor.value());
}

}  // namespace mr::json
