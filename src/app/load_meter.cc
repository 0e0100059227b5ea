#include "app/load_meter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "observability/process.h"

namespace mr::app {
namespace {

constexpr base::Duration kInterval = std::chrono::seconds(1);

std::uint64_t per_second(double count, std::chrono::duration<double> time) {
  return time.count() <= 0 ? 0 : static_cast<std::uint64_t>(std::max(count, 0.0) / time.count());
}

}  // namespace

LoadMeter::LoadMeter(net::Runtime& runtime, Look look, Take take)
    : runtime_(runtime), look_(std::move(look)), take_(std::move(take)) {}

void LoadMeter::start() {
  last_ = runtime_.control().clock().now();
  cpu_seconds_ = observability::read_usage().cpu_seconds;
  measure();
}

void LoadMeter::measure() {
  net::Loop& control = runtime_.control();
  control.after(kInterval, [this] { measure(); });
  if (missing_ > 0) {  // a loop hangs; it is asked once
    load_.loop_delay_us =
        static_cast<std::uint64_t>((control.clock().now() - asked_) / std::chrono::microseconds(1));
    take_(load_);
    return;
  }
  asked_ = control.clock().now();
  sum_ = {};
  missing_ = runtime_.loop_count();
  for (std::size_t i = 0; i < runtime_.loop_count(); ++i) {
    runtime_.loop(i).post([this, i, asked = asked_] {
      const base::Duration delay = runtime_.loop(i).clock().now() - asked;
      runtime_.control().post([this, delay, figures = look_(i)] {
        sum_.connections += figures.connections;
        sum_.messages += figures.messages;
        sum_.queued_bytes += figures.queued_bytes;
        slowest_ = std::max(slowest_, delay);
        if (--missing_ == 0) finish();
      });
    });
  }
}

void LoadMeter::finish() {
  const base::TimePoint now = runtime_.control().clock().now();
  const base::Duration passed = now - std::exchange(last_, now);
  const observability::Usage usage = observability::read_usage();
  std::uint64_t bytes = 0;
  for (const net::LoopStats* stats : runtime_.stats()) bytes += stats->bytes_written.value();
  load_.connections = sum_.connections;
  load_.queued_bytes = sum_.queued_bytes;
  load_.loop_delay_us =
      static_cast<std::uint64_t>(std::exchange(slowest_, {}) / std::chrono::microseconds(1));
  load_.resident_bytes = usage.resident_bytes;
  constexpr double kPermille = 1000;
  load_.cpu_permille = per_second(
      (usage.cpu_seconds - std::exchange(cpu_seconds_, usage.cpu_seconds)) * kPermille, passed);
  load_.messages_per_second = per_second(
      static_cast<double>(sum_.messages - std::exchange(messages_, sum_.messages)), passed);
  load_.bytes_per_second =
      per_second(static_cast<double>(bytes - std::exchange(bytes_, bytes)), passed);
  take_(load_);
}

}  // namespace mr::app
