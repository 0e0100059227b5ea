#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/types.h"

namespace mr::cluster {

// 16 hex digits.
inline std::string boot_text(BootId boot) {
  std::string text(16, '0');
  auto rest = static_cast<std::uint64_t>(boot);
  for (std::size_t i = text.size(); rest != 0; rest >>= 4)
    text[--i] = "0123456789abcdef"[rest & 15];
  return text;
}

// Reads the words of one line of a record, which are parted by single spaces.
class RecordWords {
 public:
  explicit RecordWords(std::string_view line) : rest_(line), is_done_(line.empty()) {}

  bool is_done() const { return is_done_; }
  std::optional<std::string_view> word() {
    if (is_done_) return std::nullopt;
    const std::size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    is_done_ = end == std::string_view::npos;
    rest_.remove_prefix(is_done_ ? rest_.size() : end + 1);
    return word;
  }
  std::optional<std::uint64_t> number() { return number(10); }
  // 16 hex digits, not all 0.
  std::optional<BootId> boot() {
    const auto value = number(16, 16);
    if (!value || *value == 0) return std::nullopt;
    return BootId{*value};
  }

 private:
  std::optional<std::uint64_t> number(int base, std::size_t digits = 0) {
    const auto text = word();
    if (!text || text->empty() || (digits != 0 && text->size() != digits)) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text->data(), text->data() + text->size(), value, base);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return value;
  }

  std::string_view rest_;
  bool is_done_;
};

}  // namespace mr::cluster
