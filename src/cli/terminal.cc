#include "cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mr::cli {
namespace {

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

bool wants_colour(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && (refused == nullptr || *refused == '\0');
}

Printed print_out(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return Printed::kAll;
  if (errno == EPIPE) return Printed::kNoReader;
  print_error(std::string("cannot write the output: ") + std::strerror(errno) +
              "; give it a place that takes it");
  return Printed::kFailed;
}

void print_error(std::string_view text) {
  const bool colour = wants_colour(STDERR_FILENO);
  write_all(STDERR_FILENO,
            (colour ? "\x1b[31mmillrace:\x1b[0m " : "millrace: ") + std::string(text) + "\n");
}

void print_note(std::string_view text) { write_all(STDERR_FILENO, std::string(text) + "\n"); }

ProgressLine::ProgressLine(Elsewhere elsewhere)
    : is_terminal_(is_terminal(STDERR_FILENO)), elsewhere_(elsewhere) {}

void ProgressLine::clear() {
  if (drawn_) write_all(STDERR_FILENO, "\r\x1b[K");
  drawn_ = false;
}

void ProgressLine::show(std::string_view text) {
  if (!is_terminal_) {
    if (elsewhere_ == Elsewhere::kLines) write_all(STDERR_FILENO, std::string(text) + "\n");
    return;
  }
  drawn_ = true;
  write_all(STDERR_FILENO, "\r\x1b[K" + std::string(text));
}

std::string ProgressLine::bar(double share, std::size_t width) {
  const double clamped = std::clamp(share, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(clamped * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

std::string with_commas(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string human_time(base::Duration value) {
  const auto us = static_cast<double>(value.count()) / 1000.0;
  if (us < 1000) return fixed(us, 0) + " us";
  if (us < 1'000'000) return fixed(us / 1000, us < 10'000 ? 2 : 1) + " ms";
  return fixed(us / 1'000'000, 2) + " s";
}

}  // namespace mr::cli
