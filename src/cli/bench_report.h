#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "cli/bench_types.h"
#include "cli/options.h"

namespace mr::cli {

// What the kernel knows of the server's process at one moment.
struct ServerFigures {
  std::uint64_t cpu_ns = 0;  // of all its threads so far
  std::uint64_t rss_bytes = 0;
};

// The sum of these processes. Nothing without a pid, or when one of them is gone.
std::optional<ServerFigures> read_servers(std::span<const int> pids);

struct BenchReport {
  std::uint64_t connections = 0;
  std::uint64_t failed_connections = 0;
  std::uint64_t channels = 0;
  std::uint64_t publishes = 0;       // of the measurement
  std::uint64_t publish_errors = 0;  // of the whole run, as are the next four
  std::uint64_t skipped = 0;
  std::uint64_t expected = 0;
  std::uint64_t delivered = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t deltas = 0;
  std::uint64_t undecodable = 0;
  std::uint64_t measured_deliveries = 0;
  double seconds = 0;  // from the first measured publish to its last delivery
  double connect_seconds = 0;
  BenchLatency latency;
  std::optional<ServerFigures> at_start;      // before the first connection
  std::optional<ServerFigures> at_connected;  // all are subscribed
  std::optional<ServerFigures> at_measure;    // before the first measured publish
  std::optional<ServerFigures> at_delivered;  // after the last delivery
  std::optional<ServerFigures> at_end;        // after the idle time

  std::uint64_t lost() const { return expected > delivered ? expected - delivered : 0; }
  double delivered_per_second() const;
  // Nothing without --server-pid.
  std::optional<double> cpu_us_per_delivery() const;
  std::optional<double> cpu_us_per_connection() const;
  std::optional<double> rss_bytes_per_connection() const;
};

std::string report_text(const BenchReport& report, const BenchOptions& options);
std::string report_json(const BenchReport& report, const BenchOptions& options);

}  // namespace mr::cli
