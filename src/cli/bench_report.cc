#include "cli/bench_report.h"

#include <filesystem>
#include <fstream>

#include "cli/terminal.h"
#include "json/writer.h"

namespace mr::cli {
namespace {

constexpr double kUsNs = 1000.0;

std::string milliseconds(std::uint64_t ns) { return fixed(static_cast<double>(ns) / 1e6, 3); }

std::string load_text(const BenchOptions& options) {
  if (options.rate > 0) return "open loop at " + fixed(options.rate, 0) + "/s";
  return "closed loop, " + std::to_string(options.in_flight) + " in flight";
}

std::string latency_text(const LatencyHistogram& latency) {
  return "p50 " + milliseconds(latency.quantile(0.5)) + "  p95 " +
         milliseconds(latency.quantile(0.95)) + "  p99 " + milliseconds(latency.quantile(0.99)) +
         "  p99.9 " + milliseconds(latency.quantile(0.999)) + "  max " +
         milliseconds(latency.max());
}

void write_latency(json::Writer& writer, std::string_view key, const LatencyHistogram& latency) {
  constexpr std::uint64_t kUs = 1000;
  writer.key(key);
  writer.begin_object();
  const auto count = [&writer](std::string_view name, std::uint64_t value) {
    writer.key(name);
    writer.number(value);
  };
  count("count", latency.count());
  count("p50", latency.quantile(0.5) / kUs);
  count("p95", latency.quantile(0.95) / kUs);
  count("p99", latency.quantile(0.99) / kUs);
  count("p999", latency.quantile(0.999) / kUs);
  count("max", latency.max() / kUs);
  writer.end_object();
}

void optional_number(json::Writer& writer, std::string_view key, std::optional<double> value,
                     int digits) {
  writer.key(key);
  if (value) {
    writer.raw(fixed(*value, digits));
  } else {
    writer.null();
  }
}

}  // namespace

namespace {

std::optional<ServerFigures> read_server(int pid) {
  const std::filesystem::path root = "/proc/" + std::to_string(pid);
  ServerFigures figures;
  std::error_code ec;
  for (const auto& task : std::filesystem::directory_iterator(root / "task", ec)) {
    std::ifstream schedstat(task.path() / "schedstat");
    std::uint64_t ns = 0;
    if (schedstat >> ns) figures.cpu_ns += ns;
  }
  std::ifstream status(root / "status");
  if (ec || !status) return std::nullopt;
  std::string word;
  while (status >> word) {
    if (word != "VmRSS:") continue;
    std::uint64_t kib = 0;
    status >> kib;
    figures.rss_bytes = kib * 1024;
  }
  return figures;
}

}  // namespace

std::optional<ServerFigures> read_servers(std::span<const int> pids) {
  if (pids.empty()) return std::nullopt;
  ServerFigures sum;
  for (const int pid : pids) {
    const auto one = read_server(pid);
    if (!one) return std::nullopt;
    sum.cpu_ns += one->cpu_ns;
    sum.rss_bytes += one->rss_bytes;
  }
  return sum;
}

double BenchReport::delivered_per_second() const {
  return seconds > 0 ? static_cast<double>(measured_deliveries) / seconds : 0;
}

std::optional<double> BenchReport::cpu_us_per_delivery() const {
  if (!at_measure || !at_delivered || measured_deliveries == 0) return std::nullopt;
  return static_cast<double>(at_delivered->cpu_ns - at_measure->cpu_ns) / kUsNs /
         static_cast<double>(measured_deliveries);
}

std::optional<double> BenchReport::cpu_us_per_connection() const {
  if (!at_start || !at_connected || connections == 0) return std::nullopt;
  return static_cast<double>(at_connected->cpu_ns - at_start->cpu_ns) / kUsNs /
         static_cast<double>(connections);
}

std::optional<double> BenchReport::rss_bytes_per_connection() const {
  if (!at_start || !at_end || connections == 0) return std::nullopt;
  return (static_cast<double>(at_end->rss_bytes) - static_cast<double>(at_start->rss_bytes)) /
         static_cast<double>(connections);
}

std::string report_text(const BenchReport& report, const BenchOptions& options) {
  const auto line = [](std::string_view name, const std::string& value) {
    std::string text(name);
    text.resize(18, ' ');
    return text + value + "\n";
  };
  std::string text;
  text += line("load", load_text(options) + ", " + std::to_string(options.size) + " B");
  text +=
      line("connections", with_commas(report.connections) + " on " + with_commas(report.channels) +
                              " channels, opened in " + fixed(report.connect_seconds, 2) + " s" +
                              (report.failed_connections > 0
                                   ? ", " + with_commas(report.failed_connections) + " failed"
                                   : ""));
  text += line(
      "published",
      with_commas(report.publishes) + " in " + fixed(report.seconds, 2) + " s, " +
          with_commas(report.publish_errors) + " errors" +
          (report.skipped > 0 ? ", " + with_commas(report.skipped) + " not sent in time" : ""));
  text +=
      line("delivered/s", with_commas(static_cast<std::uint64_t>(report.delivered_per_second())));
  text += line("latency ms", latency_text(report.latency.all()));
  if (report.latency.remote.count() > 0) {
    text += line("  on its node", latency_text(report.latency.local));
    text += line("  on others", latency_text(report.latency.remote));
  }
  text += line("lost", with_commas(report.lost()) + " of " + with_commas(report.expected));
  text += line("duplicates", with_commas(report.duplicates));
  if (options.delta) {
    text += line("deltas", with_commas(report.deltas) + " of the delivered messages, " +
                               with_commas(report.undecodable) + " undecodable");
  }
  if (const auto cpu = report.cpu_us_per_delivery()) {
    text += line("server CPU", fixed(*cpu, 3) + " us per delivery");
  }
  if (const auto cpu = report.cpu_us_per_connection()) {
    text += line("", fixed(*cpu, 1) + " us per connection opened");
  }
  if (const auto rss = report.rss_bytes_per_connection()) {
    text += line("server memory", fixed(*rss, 0) + " B per connection (" +
                                      with_commas(report.at_start->rss_bytes / 1024) + " KiB to " +
                                      with_commas(report.at_end->rss_bytes / 1024) + " KiB)");
  }
  return text;
}

std::string report_json(const BenchReport& report, const BenchOptions& options) {
  std::string text;
  json::Writer writer(text);
  const auto count = [&writer](std::string_view key, std::uint64_t value) {
    writer.key(key);
    writer.number(value);
  };
  writer.begin_object();
  writer.key("load");
  writer.string(load_text(options));
  writer.key("floor");
  writer.boolean(options.floor);
  count("connections", report.connections);
  count("failed_connections", report.failed_connections);
  count("channels", report.channels);
  count("size", options.size);
  count("in_flight", options.rate > 0 ? 0 : options.in_flight);
  optional_number(writer, "rate", options.rate > 0 ? std::optional(options.rate) : std::nullopt, 1);
  count("publishes", report.publishes);
  count("publish_errors", report.publish_errors);
  count("skipped", report.skipped);
  count("expected", report.expected);
  count("delivered", report.delivered);
  count("lost", report.lost());
  count("duplicates", report.duplicates);
  count("deltas", report.deltas);
  count("undecodable", report.undecodable);
  optional_number(writer, "seconds", report.seconds, 3);
  optional_number(writer, "connect_seconds", report.connect_seconds, 3);
  optional_number(writer, "delivered_per_second", report.delivered_per_second(), 1);
  write_latency(writer, "latency_us", report.latency.all());
  write_latency(writer, "local_latency_us", report.latency.local);
  write_latency(writer, "remote_latency_us", report.latency.remote);
  optional_number(writer, "server_cpu_us_per_delivery", report.cpu_us_per_delivery(), 4);
  optional_number(writer, "server_cpu_us_per_connection", report.cpu_us_per_connection(), 2);
  optional_number(writer, "server_rss_bytes_per_connection", report.rss_bytes_per_connection(), 1);
  optional_number(writer, "server_rss_start",
                  report.at_start ? std::optional(static_cast<double>(report.at_start->rss_bytes))
                                  : std::nullopt,
                  0);
  optional_number(
      writer, "server_rss_end",
      report.at_end ? std::optional(static_cast<double>(report.at_end->rss_bytes)) : std::nullopt,
      0);
  writer.end_object();
  return text + "\n";
}

}  // namespace mr::cli
