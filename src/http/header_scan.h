#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr::http {

// Looks for the end of a header block in text that grows at its end, each byte once, and refuses
// line structure that the general parser would repair: bare LF and folded lines (RFC 9112 2.2,
// 5.2). Pure.
class HeaderScan {
 public:
  enum class Status : std::uint8_t { kMore, kEnd, kBareLf, kFolded };

  // `block` begins where the message begins and holds all bytes of earlier calls.
  Status scan(std::string_view block);
  // After kEnd: the size of the block with its empty line.
  std::size_t end() const { return end_; }
  bool has_line() const { return lines_ > 0; }
  void reset() { *this = HeaderScan(); }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::size_t end_ = 0;
  std::uint32_t lines_ = 0;
};

}  // namespace mr::http
