#include "cli/bench_types.h"

#include <time.h>

#include <algorithm>
#include <bit>

namespace mr::cli {
namespace {

void write_hex(std::string& out, std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[(value >> shift) & 15]);
}

std::optional<std::uint64_t> read_hex(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  return value;
}

}  // namespace

std::size_t LatencyHistogram::bucket_of(std::uint64_t ns) {
  if (ns < kSteps) return static_cast<std::size_t>(ns);
  const auto power = static_cast<std::size_t>(std::bit_width(ns)) - 7;  // ns >> power < 2 * kSteps
  const std::size_t bucket = power * kSteps + static_cast<std::size_t>(ns >> power);
  return std::min(bucket, kBuckets - 1);
}

std::uint64_t LatencyHistogram::top_of(std::size_t bucket) {
  if (bucket < 2 * kSteps) return bucket;
  const std::size_t power = bucket / kSteps - 1;
  const std::uint64_t step = bucket - power * kSteps;
  return ((step + 1) << power) - 1;
}

void LatencyHistogram::record(std::uint64_t ns) {
  ++buckets_[bucket_of(ns)];
  ++count_;
  max_ = std::max(max_, ns);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t LatencyHistogram::quantile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1)) + 1;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(top_of(i), max_);
  }
  return max_;
}

void BenchMark::write(std::string& out) const {
  out += is_measured ? "mrb" : "mrw";
  write_hex(out, number);
  write_hex(out, sent_ns);
}

std::optional<BenchMark> BenchMark::find(std::string_view payload) {
  constexpr std::size_t kSearched = 256;
  const std::string_view head = payload.substr(0, kSearched);
  for (std::size_t at = head.find("mr"); at != std::string_view::npos;
       at = head.find("mr", at + 1)) {
    if (payload.size() - at < kBytes) return std::nullopt;
    const char kind = payload[at + 2];
    if (kind != 'b' && kind != 'w') continue;
    const auto number = read_hex(payload.substr(at + 3, 16));
    const auto sent = read_hex(payload.substr(at + 19, 16));
    if (number && sent) return BenchMark{kind == 'b', *number, *sent};
  }
  return std::nullopt;
}

std::size_t entry_node(std::uint64_t channel, std::size_t nodes) { return (channel + 1) % nodes; }

std::size_t subscriber_node(std::uint64_t number, std::uint64_t channels, std::size_t nodes) {
  return (number % channels + number / channels) % nodes;
}

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::string bench_channel(std::uint64_t index, bool is_private) {
  return (is_private ? "private-bench-" : "bench-") + std::to_string(index);
}

}  // namespace mr::cli
