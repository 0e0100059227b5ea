#include "observability/log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace mr::observability {
namespace {

constexpr std::size_t kLevels = static_cast<std::size_t>(Level::kOff);
constexpr base::Duration kLimit = std::chrono::seconds(1);
// Messages are literals, so there are few; the bound is for a caller that breaks that rule.
constexpr std::size_t kLimitsMax = 4096;

LogFormat format_of(const LogOptions& options, const LogTarget& target) {
  const bool text = options.format == "text" || (options.format == "auto" && target.is_terminal());
  if (!text) return LogFormat::kJson;
  return target.takes_color() ? LogFormat::kColorText : LogFormat::kText;
}

}  // namespace

Log::Log(const LogOptions& options, const base::Clock& clock, std::unique_ptr<LogTarget> target)
    : clock_(clock),
      format_(format_of(options, *target)),
      buffer_(options.buffer_lines_max),
      target_(std::move(target)) {
  auto levels = Levels::parse(options.level);
  MR_ASSERT(levels.ok(), "log options were not checked");
  levels_ = std::move(levels).value();
}

Log::~Log() { drain(); }

void Log::write(const Line& line) {
  MR_ASSERT(line.level < Level::kOff, "off is not a level of a line");
  lines_[static_cast<std::size_t>(line.level)].fetch_add(1, std::memory_order_relaxed);
  append(format_line(line, clock_.wall_now(), format_));
}

void Log::write_limited(const Line& line) {
  std::string key(line.component);
  key += '\0';
  key += line.message;
  const base::TimePoint now = clock_.now();
  std::uint64_t suppressed = 0;
  {
    const std::lock_guard lock(limits_mutex_);
    if (limits_.size() >= kLimitsMax) limits_.clear();
    const auto [entry, is_new] = limits_.try_emplace(std::move(key));
    if (!is_new && now < entry->second.next) {
      ++entry->second.suppressed;
      return;
    }
    entry->second.next = now + kLimit;
    suppressed = std::exchange(entry->second.suppressed, 0);
  }
  if (suppressed == 0) return write(line);
  std::vector<Field> fields(line.fields.begin(), line.fields.end());
  fields.push_back({"suppressed", suppressed});
  write({line.level, line.component, line.message, fields});
}

void Log::append(std::string line) {
  if (buffer_.put(std::move(line))) poke_or_drain();
}

void Log::poke_or_drain() {
  {
    const std::lock_guard lock(poke_mutex_);
    if (poke_) return poke_();
  }
  drain();
}

void Log::on_lines_waiting(base::Function<void()> poke) {
  {
    const std::lock_guard lock(poke_mutex_);
    poke_ = std::move(poke);
  }
  drain();
}

void Log::drain() {
  const std::lock_guard lock(drain_mutex_);
  drain_locked();
}

void Log::try_drain() {
  const std::unique_lock lock(drain_mutex_, std::try_to_lock);
  if (lock.owns_lock()) drain_locked();
}

void Log::drain_locked() {
  const bool reopen_failed = reopen_.exchange(false) && !target_->reopen();
  std::string text;
  for (const std::string& line : buffer_.take()) text += line;
  const auto add = [&](Level level, std::string_view message, Fields fields) {
    if (level < levels().of("log")) return;
    text += format_line({level, "log", message, {fields.begin(), fields.size()}}, clock_.wall_now(),
                        format_);
  };
  // Not alone: where nobody reads, a line about lost lines would be the next one to get lost.
  if (const std::uint64_t now = dropped(); now != dropped_told_ && !text.empty()) {
    add(Level::kWarn, "lines were dropped, the log is slower than its writers",
        {{"dropped", now - dropped_told_}});
    dropped_told_ = now;
  }
  if (reopen_failed) {
    add(Level::kError, "log.file could not be reopened, the old file stays in use", {});
  }
  if (text.empty()) return;
  const std::size_t separator = is_cut_ ? 1 : 0;
  text.insert(0, separator, '\n');
  const std::size_t written = target_->write(text);
  if (written != 0) is_cut_ = text[written - 1] != '\n';
  if (written == text.size()) return;
  failed_writes_.fetch_add(1, std::memory_order_relaxed);
  const auto rest = std::string_view(text).substr(std::max(written, separator));
  const auto lost = std::count(rest.begin(), rest.end(), '\n');
  unwritten_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
}

void Log::reopen() {
  reopen_.store(true);
  poke_or_drain();
}

base::Result<base::Done, LogErrc> Log::set_levels(std::string_view text) {
  auto parsed = Levels::parse(text);
  if (!parsed) return parsed.error();
  const std::lock_guard lock(levels_mutex_);
  levels_ = std::move(parsed).value();
  for (auto& [component, level] : slots_) {
    level.store(levels_.of(component), std::memory_order_relaxed);
  }
  return base::Done{};
}

Levels Log::levels() const {
  const std::lock_guard lock(levels_mutex_);
  return levels_;
}

std::vector<std::string> Log::components() const {
  const std::lock_guard lock(levels_mutex_);
  std::vector<std::string> names;
  for (const auto& [component, level] : slots_) names.push_back(component);
  return names;
}

const std::atomic<Level>& Log::slot(std::string_view component) {
  const std::lock_guard lock(levels_mutex_);
  const auto found = slots_.find(component);
  if (found != slots_.end()) return found->second;
  return slots_.try_emplace(std::string(component), levels_.of(component)).first->second;
}

std::vector<GaugeSample> Log::samples() const {
  std::vector<GaugeSample> samples;
  for (std::size_t i = 0; i < kLevels; ++i) {
    samples.push_back({"millrace_log_lines_total",
                       "Log lines made, dropped ones included.",
                       {{"level", std::string(to_text(static_cast<Level>(i)))}},
                       static_cast<double>(lines_[i].load(std::memory_order_relaxed)),
                       SampleKind::kCounter});
  }
  samples.push_back({"millrace_log_lines_dropped_total",
                     "Log lines that found no room in the buffer or that nobody took.",
                     {},
                     static_cast<double>(dropped()),
                     SampleKind::kCounter});
  samples.push_back({"millrace_log_write_failures_total",
                     "Writes of log lines that the target did not take whole.",
                     {},
                     static_cast<double>(failed_writes_.load(std::memory_order_relaxed)),
                     SampleKind::kCounter});
  return samples;
}

std::vector<std::string> check_log_options(const LogOptions& options) {
  std::vector<std::string> problems;
  if (options.format != "auto" && options.format != "json" && options.format != "text") {
    problems.push_back("log.format: \"" + options.format + "\" is unknown; use auto, json or text");
  }
  if (const auto levels = Levels::parse(options.level); !levels) {
    problems.push_back("log.level: " + levels.error().detail);
  }
  if (options.buffer_lines_max == 0) {
    problems.push_back("log.buffer_lines_max: 0 would drop every line; use 1 or more");
  }
  return problems;
}

}  // namespace mr::observability
