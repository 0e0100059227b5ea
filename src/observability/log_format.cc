#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/cut_utf8.h"
#include "observability/escape.h"
#include "observability/log.h"

namespace mr::observability {
namespace {

constexpr std::size_t kTextBytesMax = 1024;

void append_time(std::string& out, base::WallTime at) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(at);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(ms - day);
  std::array<char, 40> text{};
  const int n = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()));
  out.append(text.data(), static_cast<std::size_t>(n));
}

void append_cut(std::string& out, std::string_view text) {
  const std::string_view cut = base::cut_utf8(text, kTextBytesMax);
  append_escaped(out, cut);
  if (cut.size() < text.size()) out += "\u2026";
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

// A word of a text line needs no quotes.
bool is_word(std::string_view text) {
  if (text.empty() || text.size() > kTextBytesMax) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

struct Appender {
  std::string& out;
  bool json;

  void operator()(std::string_view text) const {
    if (!json && is_word(text)) {
      out += text;
      return;
    }
    out += '"';
    append_cut(out, text);
    out += '"';
  }
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(std::uint64_t value) const { append_number(out, value); }
  void operator()(double value) const {
    if (json && !std::isfinite(value)) {
      out += "null";
    } else {
      append_number(out, value);
    }
  }
  void operator()(bool value) const { out += value ? "true" : "false"; }
};

void append_json(std::string& out, const Line& line, base::WallTime at) {
  out += "{\"ts\":\"";
  append_time(out, at);
  out += "\",\"level\":\"";
  out += to_text(line.level);
  out += "\",\"component\":\"";
  append_cut(out, line.component);
  out += "\",\"msg\":\"";
  append_cut(out, line.message);
  out += '"';
  for (const Field& field : line.fields) {
    out += ",\"";
    append_cut(out, field.key);
    out += "\":";
    std::visit(Appender{out, true}, field.value.value());
  }
  out += "}\n";
}

constexpr std::array<std::string_view, 5> kPaddedLevels = {"TRACE", "DEBUG", "INFO ", "WARN ",
                                                           "ERROR"};
constexpr std::array<std::string_view, 5> kColors = {"\x1b[90m", "\x1b[36m", "\x1b[32m", "\x1b[33m",
                                                     "\x1b[31m"};
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

void append_text(std::string& out, const Line& line, base::WallTime at, bool color) {
  const auto paint = [&](std::string_view code) {
    if (color) out += code;
  };
  const auto level = static_cast<std::size_t>(line.level);
  append_time(out, at);
  out += ' ';
  paint(kColors[level]);
  out += kPaddedLevels[level];
  paint(kPlain);
  out += ' ';
  append_cut(out, line.component);
  out += ": ";
  append_cut(out, line.message);
  for (const Field& field : line.fields) {
    out += ' ';
    paint(kDim);
    append_cut(out, field.key);
    out += '=';
    paint(kPlain);
    std::visit(Appender{out, false}, field.value.value());
  }
  out += '\n';
}

}  // namespace

std::string format_line(const Line& line, base::WallTime at, LogFormat format) {
  std::string out;
  out.reserve(128 + 32 * line.fields.size());
  if (format == LogFormat::kJson) {
    append_json(out, line, at);
  } else {
    append_text(out, line, at, format == LogFormat::kColorText);
  }
  return out;
}

}  // namespace mr::observability
