#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace mr::cli {

// Exit codes of all tools.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the server refused, was not there, or messages were lost
inline constexpr int kExitUsage = 2;   // the command line or a file is wrong

// Standard error is a terminal; colours besides that need NO_COLOR to be unset or empty.
bool is_terminal(int descriptor);
bool wants_colour(int descriptor);

// To standard output, at once. kFailed was said on standard error already.
enum class Printed : std::uint8_t { kAll, kNoReader, kFailed };
[[nodiscard]] Printed print_out(std::string_view text);
// The exit code of a tool whose last output went so: a reader that left is no failure.
inline int exit_after(Printed printed, int code) {
  return printed == Printed::kFailed ? kExitFailed : code;
}
void print_error(std::string_view text);  // "millrace: <text>" and a line break, to standard error

void print_note(std::string_view text);  // a line on standard error

// One line on standard error that is redrawn in place. When that is no terminal: silent, or a line
// for each show().
class ProgressLine {
 public:
  enum class Elsewhere : std::uint8_t { kSilent, kLines };
  explicit ProgressLine(Elsewhere elsewhere = Elsewhere::kSilent);
  ~ProgressLine() { clear(); }
  void show(std::string_view text);
  void clear();
  // "[#####.....]" with `width` places.
  static std::string bar(double share, std::size_t width);

 private:
  const bool is_terminal_;
  const Elsewhere elsewhere_;
  bool drawn_ = false;
};

// "1,234,567", "1.5 s", "830 us": for people.
std::string with_commas(std::uint64_t value);
std::string human_time(base::Duration value);
std::string fixed(double value, int digits);

}  // namespace mr::cli
