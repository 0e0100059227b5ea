#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "observability/gauge.h"
#include "observability/level.h"
#include "observability/line_buffer.h"
#include "observability/log_target.h"
#include "observability/options.h"

namespace mr::observability {

// What a field holds; converts from text, integers, floating point and bool.
class FieldValue {
 public:
  using Variant = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  FieldValue(bool value) : value_(value) {}  // NOLINT
  template <std::signed_integral T>
  FieldValue(T value) : value_(std::int64_t{value}) {}  // NOLINT
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  FieldValue(T value) : value_(std::uint64_t{value}) {}  // NOLINT
  template <std::floating_point T>
  FieldValue(T value) : value_(static_cast<double>(value)) {}  // NOLINT
  template <class T>
    requires(std::is_convertible_v<const T&, std::string_view> && !std::is_arithmetic_v<T>)
  FieldValue(const T& text) : value_(std::string_view(text)) {}  // NOLINT

  const Variant& value() const { return value_; }

 private:
  Variant value_;
};

// One fact of a line. Keys are literals of ours (app, channel, socket_id, node, peer, code, ...);
// values may be hostile. Never a payload, a secret or a token.
struct Field {
  std::string_view key;
  FieldValue value;
};
using Fields = std::initializer_list<Field>;

// Where a line comes from: a message in the code's own words and its facts.
struct Line {
  Level level = Level::kInfo;
  std::string_view component;
  std::string_view message;
  std::span<const Field> fields;
};

enum class LogFormat : std::uint8_t { kJson, kText, kColorText };

// The line as it is written, with its newline. Text values are cut at 1,024 bytes and never
// break the line: control characters, quotes and invalid UTF-8 are escaped in every format.
std::string format_line(const Line& line, base::WallTime at, LogFormat format);

// The node's log: formats on the caller, keeps lines in a bounded buffer, and writes them where
// drain() is called (the worker). Any thread. Must outlive every Logger of it.
class Log {
 public:
  // `options` must be valid (check_log_options); `clock` outlives the log.
  Log(const LogOptions& options, const base::Clock& clock, std::unique_ptr<LogTarget> target);
  // Writes what is left.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(const Line& line);
  // At most one line a second for each component and message; the next one says how many were
  // left out ("suppressed").
  void write_limited(const Line& line);

  // Runs on the calling thread when lines begin to wait: it makes the worker call drain(). It
  // must not write to this log. Without a hook (before the worker runs and after it ended) the
  // caller writes. Null removes it and waits for a call that is under way.
  void on_lines_waiting(base::Function<void()> poke);
  // Writes what waits and reopens the file where that was asked for.
  void drain();
  // The same, unless a drain is under way: whoever is in a hurry does not wait for that one.
  void try_drain();
  // The target is opened again at the next drain(), which is asked for at once (SIGUSR1).
  void reopen();

  // At run time. The error names what is wrong; the levels then stay.
  base::Result<base::Done, LogErrc> set_levels(std::string_view text);
  Levels levels() const;
  // The components that log, sorted.
  std::vector<std::string> components() const;
  // The level of one component, followed by set_levels(). Valid as long as the log.
  const std::atomic<Level>& slot(std::string_view component);

  // Lines that found no room in the buffer, and lines that the target did not take.
  std::uint64_t dropped() const {
    return buffer_.dropped() + unwritten_.load(std::memory_order_relaxed);
  }
  // millrace_log_lines_total{level}, millrace_log_lines_dropped_total and
  // millrace_log_write_failures_total.
  std::vector<GaugeSample> samples() const;

 private:
  struct Limit {
    base::TimePoint next;
    std::uint64_t suppressed = 0;
  };
  void append(std::string line);
  void poke_or_drain();
  void drain_locked();

  const base::Clock& clock_;
  const LogFormat format_;
  LineBuffer buffer_;

  std::mutex drain_mutex_;  // the target
  std::unique_ptr<LogTarget> target_;
  std::uint64_t dropped_told_ = 0;
  std::atomic<bool> reopen_{false};
  bool is_cut_ = false;  // the target has the beginning of a line and not its end
  std::atomic<std::uint64_t> failed_writes_{0};
  std::atomic<std::uint64_t> unwritten_{0};

  std::mutex poke_mutex_;  // held while the hook runs
  base::Function<void()> poke_;

  mutable std::mutex levels_mutex_;
  Levels levels_;
  std::map<std::string, std::atomic<Level>, std::less<>> slots_;

  std::mutex limits_mutex_;
  std::unordered_map<std::string, Limit> limits_;
  std::atomic<std::uint64_t> lines_[static_cast<std::size_t>(Level::kOff)]{};
};

// All problems of the options in words, each with its key ("log.level: ..."); empty: none.
std::vector<std::string> check_log_options(const LogOptions& options);

// A component's pen: cheap to copy, any thread. A disabled level costs one relaxed load.
class Logger {
 public:
  // `component` is a literal or lives as long as the logger.
  Logger(Log& log, std::string_view component)
      : log_(&log), slot_(&log.slot(component)), component_(component) {}

  bool enabled(Level level) const { return level >= slot_->load(std::memory_order_relaxed); }

  void trace(std::string_view message, Fields fields = {}) const {
    write(Level::kTrace, message, fields);
  }
  void debug(std::string_view message, Fields fields = {}) const {
    write(Level::kDebug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) const {
    write(Level::kInfo, message, fields);
  }
  void warn(std::string_view message, Fields fields = {}) const {
    write(Level::kWarn, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) const {
    write(Level::kError, message, fields);
  }
  // For what a peer can cause often.
  void warn_limited(std::string_view message, Fields fields = {}) const {
    limited(Level::kWarn, message, fields);
  }
  void info_limited(std::string_view message, Fields fields = {}) const {
    limited(Level::kInfo, message, fields);
  }

 private:
  void write(Level level, std::string_view message, Fields fields) const {
    if (enabled(level)) log_->write({level, component_, message, {fields.begin(), fields.size()}});
  }
  void limited(Level level, std::string_view message, Fields fields) const {
    if (!enabled(level)) return;
    log_->write_limited({level, component_, message, {fields.begin(), fields.size()}});
  }

  Log* log_;
  const std::atomic<Level>* slot_;
  std::string_view component_;
};

}  // namespace mr::observability
