#include "delta/wire_key.h"

#include "base/planted.h"

namespace mr::delta {
namespace {

constexpr std::string_view kNoValue = "_";
constexpr std::string_view kUnderscore = "%5F";
constexpr char kDigits[] = "0123456789ABCDEF";

bool is_encoded(char c) {
  return c == '%' || c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string wire_key(std::string_view value) {
  if (value.empty()) return std::string(kNoValue);
  if (value == kNoValue) return std::string(kUnderscore);
  std::string key;
  key.reserve(value.size());
  for (const char c : value) {
    if (!is_encoded(c) || MR_PLANTED("key_not_escaped")) {
      key.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    key.push_back('%');
    key.push_back(kDigits[byte >> 4]);
    key.push_back(kDigits[byte & 15]);
  }
  return key;
}

std::optional<std::string> parse_wire_key(std::string_view key) {
  if (key.empty()) return std::nullopt;
  if (key == kNoValue) return std::string();
  if (key == kUnderscore) return std::string(kNoValue);
  std::string value;
  for (std::size_t at = 0; at < key.size(); ++at) {
    if (key[at] != '%') {
      if (is_encoded(key[at])) return std::nullopt;
      value.push_back(key[at]);
      continue;
    }
    const int high = at + 2 < key.size() ? digit_of(key[at + 1]) : -1;
    const int low = high < 0 ? -1 : digit_of(key[at + 2]);
    if (low < 0 || !is_encoded(static_cast<char>(high * 16 + low))) return std::nullopt;
    value.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return value;
}

}  // namespace mr::delta
