#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "observability/log_target.h"

namespace mr::test {

// A clock that moves when the test says so.
class HandClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return now_; }
  base::WallTime wall_now() const override { return wall_; }
  void advance(base::Duration by) {
    now_ += by;
    wall_ += by;
  }

 private:
  base::TimePoint now_{std::chrono::seconds(1000)};
  // 2026-03-04T05:06:07.089Z
  base::WallTime wall_{std::chrono::milliseconds(1'772'600'767'089)};
};

struct Recording {
  std::string text;
  int reopened = 0;
  bool fails = false;
  std::size_t room = std::string::npos;  // bytes that one write takes
  bool terminal = false;
  bool color = false;
};

// Keeps what a log writes; the recording outlives it.
class RecordingTarget final : public observability::LogTarget {
 public:
  explicit RecordingTarget(Recording& to) : to_(to) {}
  std::size_t write(std::string_view lines) override {
    const std::size_t taken = std::min(lines.size(), to_.room);
    to_.text += lines.substr(0, taken);
    return taken;
  }
  bool reopen() override {
    ++to_.reopened;
    return !to_.fails;
  }
  bool is_terminal() const override { return to_.terminal; }
  bool takes_color() const override { return to_.color; }

 private:
  Recording& to_;
};

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (begin != text.size()) lines.push_back(text.substr(begin) + "<no newline>");
  return lines;
}

}  // namespace mr::test
