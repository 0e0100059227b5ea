#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::json {

// Appends compact JSON to a string. Commas are put by the writer; that keys stand in objects and
// that everything opened is closed is the caller's. Strings must be UTF-8 (the wire checks it):
// the writer escapes only what RFC 8259 section 7 demands.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);
  void string(std::string_view text);
  void number(std::int64_t value);
  void number(std::uint64_t value);
  void number(std::int32_t value) { number(std::int64_t{value}); }
  void number(std::uint32_t value) { number(std::uint64_t{value}); }
  // Shortest text that reads back the same; null for what JSON cannot say (NaN, infinity).
  void number(double value);
  void boolean(bool value);
  void null();
  // `json` is one complete JSON value.
  void raw(std::string_view json);

 private:
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

// The text as a JSON string literal with its quotes.
std::string quote(std::string_view text);
void append_quoted(std::string& out, std::string_view text);

}  // namespace mr::json
