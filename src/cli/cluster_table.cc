#include "cli/cluster_table.h"

#include <algorithm>
#include <vector>

#include "cli/terminal.h"
#include "json/parser.h"

namespace mr::cli {
namespace {

constexpr std::size_t kBytesMax = 64 << 20;

std::uint64_t number_of(const json::Value& value, std::string_view name) {
  const auto member = value.member(name);
  return member ? member->as_uint().value_or(0) : 0;
}

std::string text_of(const json::Value& value, std::string_view name) {
  const auto member = value.member(name);
  return std::string(member ? member->as_string().value_or("") : "");
}

bool is_set(const json::Value& value, std::string_view name) {
  const auto member = value.member(name);
  return member && member->as_bool().value_or(false);
}

std::string mebibytes(std::uint64_t bytes) {
  constexpr double kMebibyte = 1 << 20;
  return fixed(static_cast<double>(bytes) / kMebibyte, 1);
}

std::string milliseconds(std::uint64_t microseconds) {
  return fixed(static_cast<double>(microseconds) / 1000, 2);
}

// Columns as wide as their widest entry; the first row is the head. The first column and texts
// stand left, which is what `is_left` says of each column.
std::string table(const std::vector<std::vector<std::string>>& rows, std::string_view is_left) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string room(widths[i] - row[i].size(), ' ');
      line += (i == 0 ? "" : "  ") + (is_left[i] == 'l' ? row[i] + room : room + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string status_text(const json::Value& status) {
  std::string nodes;
  if (const auto counts = status.member("nodes")) {
    counts->for_each_member([&](std::string_view name, const json::Value& count) {
      nodes += (nodes.empty() ? "" : ", ") + with_commas(count.as_uint().value_or(0)) + " " +
               std::string(name);
    });
  }
  const std::string problem = text_of(status, "problem");
  const std::string reason = text_of(status, "reason");
  std::string text = "node          " + text_of(status, "node") + " (boot " +
                     text_of(status, "boot") + ")\nbroker        " + text_of(status, "driver") +
                     ", prefix " + text_of(status, "prefix") + ", " +
                     with_commas(number_of(status, "partitions")) + " bus partitions, " +
                     (is_set(status, "is_signed") ? "signed" : "not signed") + "\nstate         " +
                     (problem.empty() ? "the cluster is whole" : problem) + "\n";
  if (!reason.empty()) text += "reason        " + reason + "\n";
  return text + "nodes         " + nodes + "\nconnections   " +
         with_commas(number_of(status, "connections")) + "\nsent          " +
         with_commas(number_of(status, "messages_per_second")) + " messages/s, " +
         with_commas(number_of(status, "bytes_per_second")) + " bytes/s\n";
}

std::string nodes_text(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "STATUS", "ADDRESS", "REGION", "VERSION", "CONNS", "CAPACITY", "CPU %", "RSS MiB",
       "DELAY ms", "QUEUED", "MSGS/s", "BYTES/s", "HEARD"}};
  answer.member("nodes")->for_each_element([&rows](const json::Value& node) {
    const auto load = node.member("load");
    if (!load) return;
    const std::uint64_t capacity = number_of(node, "capacity");
    constexpr double kPerPercent = 10;
    rows.push_back(
        {text_of(node, "name") + (is_set(node, "is_self") ? " *" : ""), text_of(node, "status"),
         text_of(node, "address") + ":" + std::to_string(number_of(node, "port")),
         text_of(node, "region"), text_of(node, "version"),
         with_commas(number_of(*load, "connections")), capacity == 0 ? "-" : with_commas(capacity),
         fixed(static_cast<double>(number_of(*load, "cpu_permille")) / kPerPercent, 1),
         mebibytes(number_of(*load, "resident_bytes")),
         milliseconds(number_of(*load, "loop_delay_us")),
         with_commas(number_of(*load, "queued_bytes")),
         with_commas(number_of(*load, "messages_per_second")),
         with_commas(number_of(*load, "bytes_per_second")),
         fixed(static_cast<double>(number_of(node, "heard_ms_ago")) / 1000, 1) + " s ago"});
  });
  return table(rows, "lllllrrrrrrrrr");
}

std::string bus_text(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows = {{"LOOP", "STATE", "SENT", "TAKEN", "ECHOES",
                                                 "DOUBLES", "MISSED", "UNKNOWN GAPS", "DROPPED",
                                                 "QUEUED"}};
  answer.member("loops")->for_each_element([&rows](const json::Value& loop) {
    const char* const state =
        !is_set(loop, "is_up") ? "no broker" : (is_set(loop, "is_deaf") ? "deaf" : "up");
    std::vector<std::string> row = {std::to_string(rows.size() - 1), state};
    for (const char* name : {"published", "delivered", "echoes", "duplicates", "missed",
                             "gaps_unknown", "queue_dropped", "queued_bytes"}) {
      row.push_back(with_commas(number_of(loop, name)));
    }
    rows.push_back(std::move(row));
  });
  return table(rows, "llrrrrrrrr");
}

std::string probe_text(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows = {{"PARTITION", "ROUND TRIP ms"}};
  answer.member("results")->for_each_element([&rows](const json::Value& result) {
    const bool is_back = result.member("round_trip_us").has_value();
    rows.push_back({text_of(result, "subject"),
                    is_back ? milliseconds(number_of(result, "round_trip_us")) : "lost"});
  });
  std::string text = table(rows, "lr") + with_commas(number_of(answer, "answered")) + " of " +
                     with_commas(number_of(answer, "asked")) + " came back";
  if (const auto times = answer.member("round_trip_us")) {
    text += ": min " + milliseconds(number_of(*times, "min")) + " ms, median " +
            milliseconds(number_of(*times, "p50")) + " ms, max " +
            milliseconds(number_of(*times, "max")) + " ms";
  }
  return text + "\n";
}

std::string counters_text(const json::Value& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"APP", "CHANNEL", "KEY", "COUNT", "LAST BY", "STORE LIFE", "ENDS IN"}};
  answer.member("counters")->for_each_element([&rows](const json::Value& counter) {
    const auto ends = counter.member("ends_in_ms");
    const std::uint64_t ms = ends ? ends->as_uint().value_or(0) : 0;
    rows.push_back({text_of(counter, "app"), text_of(counter, "channel"), text_of(counter, "key"),
                    std::to_string(number_of(counter, "count")) + "/" +
                        std::to_string(number_of(counter, "interval")),
                    text_of(counter, "node"), text_of(counter, "store_life"),
                    ends ? std::to_string(ms / 1000) + " s" : "never"});
  });
  std::string text = rows.size() == 1 ? "no counters\n" : table(rows, "lllrllr");
  if (const std::uint64_t unnamed = number_of(answer, "unnamed")) {
    text += with_commas(unnamed) + " more have names that are too long for the store\n";
  }
  const std::string next = text_of(answer, "next");
  if (!next.empty()) text += "there may be more: --cursor " + next + "\n";
  return text;
}

}  // namespace

std::string cluster_text(std::string_view what, std::string_view json) {
  json::Parser parser(kBytesMax);
  const auto answer = parser.parse(json);
  if (!answer) return {};
  const json::Value& value = answer.value();
  if (what == "status" && value.member("node")) return status_text(value);
  if (what == "nodes" && value.member("nodes")) return nodes_text(value);
  if (what == "bus" && value.member("loops")) return bus_text(value);
  if (what == "probe" && value.member("results")) return probe_text(value);
  if (what == "counters" && value.member("counters")) return counters_text(value);
  if (what == "counters" && is_set(value, "is_reset")) return "the counter begins anew\n";
  return {};
}

}  // namespace mr::cli
