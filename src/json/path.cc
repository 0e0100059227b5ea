#include "json/path.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace mr::json {
namespace {

constexpr int kEnd = -1;

// Sources give one byte after the other, then kEnd.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  int next() { return at_ == end_ ? kEnd : static_cast<unsigned char>(*at_++); }

 private:
  const char* at_;
  const char* end_;
};

// What a string says whose opening quote was read from the source; ends behind the closing one.
template <class Source>
class Unescaped {
 public:
  explicit Unescaped(Source& source) : source_(source) {}

  int next() {
    if (pending_ != 0) return take_pending();
    if (is_done_) return kEnd;
    const int byte = source_.next();
    if (byte == '\\') return unescape(source_.next());
    if (byte == '"' || byte == kEnd) {
      is_done_ = true;
      is_broken_ = is_broken_ || byte == kEnd;
      return kEnd;
    }
    return byte;
  }
  bool is_broken() const { return is_broken_; }

 private:
  int fail() {
    is_done_ = is_broken_ = true;
    return kEnd;
  }

  int unescape(int byte) {
    switch (byte) {
      case '"':
      case '\\':
      case '/':
        return byte;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        return unescape_code();
      default:
        return fail();
    }
  }

  // Four hexadecimal digits; above 0xffff when they are none.
  std::uint32_t read_unit() {
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int byte = source_.next();
      const int lower = byte | 0x20;
      const int digit = byte >= '0' && byte <= '9'     ? byte - '0'
                        : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                       : kEnd;
      if (digit == kEnd) return kNoUnit;
      unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    return unit;
  }

  int unescape_code() {
    std::uint32_t point = read_unit();
    if (point == kNoUnit || (point >= 0xdc00 && point <= 0xdfff)) return fail();
    if (point >= 0xd800 && point < 0xdc00) {
      if (source_.next() != '\\' || source_.next() != 'u') return fail();
      const std::uint32_t low = read_unit();
      if (low < 0xdc00 || low > 0xdfff) return fail();
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_utf8(point);
  }

  int put_utf8(std::uint32_t point) {
    const auto tail = [point](int shift) { return 0x80U | (point >> shift & 0x3fU); };
    if (point < 0x80) return static_cast<int>(point);
    if (point < 0x800) {
      pending_ = tail(0);
      return static_cast<int>(0xc0U | point >> 6);
    }
    if (point < 0x10000) {
      pending_ = tail(6) | tail(0) << 8;
      return static_cast<int>(0xe0U | point >> 12);
    }
    pending_ = tail(12) | tail(6) << 8 | tail(0) << 16;
    return static_cast<int>(0xf0U | point >> 18);
  }

  int take_pending() {
    const int byte = static_cast<int>(pending_ & 0xffU);
    pending_ >>= 8;
    return byte;
  }

  static constexpr std::uint32_t kNoUnit = 0x10000;

  Source& source_;
  std::uint32_t pending_ = 0;  // the rest of a character, its next byte lowest; never zero bytes
  bool is_done_ = false;
  bool is_broken_ = false;
};

bool is_space(int byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

bool ends_scalar(int byte) {
  return byte == ',' || byte == '}' || byte == ']' || byte == kEnd || is_space(byte);
}

// Steps through one value with a byte of lookahead.
template <class Source>
class Walk {
 public:
  explicit Walk(Source& source) : source_(source) { step(); }

  bool append_text_at(std::string_view path, std::string& out) {
    for (;;) {
      const std::size_t dot = std::min(path.find('.'), path.size());
      if (!enter_member(path.substr(0, dot))) return false;
      if (dot == path.size()) return append_scalar(out);
      path.remove_prefix(dot + 1);
    }
  }

 private:
  void step() { now_ = source_.next(); }
  void skip_space() {
    while (is_space(now_)) step();
  }
  bool take(int byte) {
    if (now_ != byte) return false;
    step();
    return true;
  }

  // To the value of a member of the object that begins here.
  bool enter_member(std::string_view wanted) {
    skip_space();
    if (!take('{')) return false;
    for (;;) {
      skip_space();
      if (now_ != '"') return false;
      const bool is_wanted = is_name(wanted);
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (is_wanted) return true;
      skip_value();
      skip_space();
      if (!take(',')) return false;
    }
  }

  bool is_name(std::string_view wanted) {
    Unescaped<Source> name(source_);
    std::size_t size = 0;
    bool is_equal = true;
    for (int byte = name.next(); byte != kEnd; byte = name.next(), ++size) {
      is_equal =
          is_equal && size < wanted.size() && static_cast<unsigned char>(wanted[size]) == byte;
    }
    step();
    return is_equal && size == wanted.size() && !name.is_broken();
  }

  void skip_string() {
    for (step(); now_ != '"' && now_ != kEnd; step()) {
      if (now_ == '\\') step();
    }
    step();
  }

  void skip_value() {
    std::size_t depth = 0;
    do {
      if (now_ == '"') {
        skip_string();
        continue;
      }
      if (now_ == '{' || now_ == '[') ++depth;
      if (depth == 0) {
        while (!ends_scalar(now_)) step();
        return;
      }
      if (now_ == '}' || now_ == ']') --depth;
      step();
    } while (depth > 0 && now_ != kEnd);
  }

  bool append_scalar(std::string& out) {
    const std::size_t before = out.size();
    if (now_ == '"') {
      Unescaped<Source> text(source_);
      for (int byte = text.next(); byte != kEnd; byte = text.next()) {
        out.push_back(static_cast<char>(byte));
      }
      if (!text.is_broken()) return true;
      out.resize(before);
      return false;
    }
    if (now_ == '{' || now_ == '[') return false;
    for (; !ends_scalar(now_); step()) out.push_back(static_cast<char>(now_));
    const std::string_view text = std::string_view(out).substr(before);
    if (!text.empty() && text != "null") return true;
    out.resize(before);
    return false;
  }

  Source& source_;
  int now_ = kEnd;
};

}  // namespace

bool append_text_at(std::string_view json, std::string_view path, std::string& out) {
  const std::size_t begin = std::min(json.find_first_not_of(" \t\n\r"), json.size());
  Bytes bytes(json.substr(begin));
  if (begin == json.size() || json[begin] != '"') return Walk(bytes).append_text_at(path, out);
  bytes.next();
  Unescaped<Bytes> inner(bytes);
  return Walk(inner).append_text_at(path, out);
}

}  // namespace mr::json
