#include "cli/delta_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "cli/terminal.h"
#include "json/writer.h"

namespace mr::cli {
namespace {

struct Column {
  std::string_view metric;  // how its name ends
  double DeltaRow::* member;
};
constexpr Column kColumns[] = {
    {"_delta_chains", &DeltaRow::chains},
    {"_delta_chain_bytes", &DeltaRow::kept_bytes},
    {"_delta_compression_full_messages_total", &DeltaRow::fulls},
    {"_delta_compression_delta_messages_total", &DeltaRow::deltas},
    {"_delta_compression_bandwidth_original_bytes", &DeltaRow::plain_bytes},
    {"_delta_compression_bandwidth_saved_bytes", &DeltaRow::saved_bytes},
};

// The value of a label in `{a="x",b="y"}`; \\, \" and \n are unescaped.
std::string label_of(std::string_view labels, std::string_view name) {
  const std::string begin = std::string(name) + "=\"";
  std::size_t at = labels.find(begin);
  while (at != std::string_view::npos && at > 0 && labels[at - 1] != ',' && labels[at - 1] != '{') {
    at = labels.find(begin, at + 1);
  }
  std::string value;
  if (at == std::string_view::npos) return value;
  for (at += begin.size(); at < labels.size() && labels[at] != '"'; ++at) {
    if (labels[at] == '\\' && at + 1 < labels.size()) ++at;
    value.push_back(labels[at - 1] == '\\' && labels[at] == 'n' ? '\n' : labels[at]);
  }
  return value;
}

void read_line(std::string_view line,
               std::map<std::pair<std::string, std::string>, DeltaRow>& rows) {
  const std::size_t open = line.find('{');
  const std::size_t close = line.rfind("} ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return;
  const std::string_view name = line.substr(0, open);
  for (const Column& column : kColumns) {
    if (!name.ends_with(column.metric)) continue;
    const std::string_view labels = line.substr(open, close - open);
    const std::string_view number = line.substr(close + 2);
    double value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    const std::string app_id = label_of(labels, "app_id");
    const std::string pattern = label_of(labels, "channel_name");
    DeltaRow& row = rows[{app_id, pattern}];
    row.app_id = app_id;
    row.pattern = pattern;
    row.*column.member += value;
  }
}

std::string count_text(double value) {
  return with_commas(static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))));
}

std::string share_text(double part, double whole) {
  return whole <= 0 ? "-" : fixed(100 * part / whole, 1) + " %";
}

std::vector<std::string> cells_of(const DeltaRow& row) {
  return {row.app_id,
          row.pattern,
          count_text(row.chains),
          count_text(row.kept_bytes),
          count_text(row.fulls),
          count_text(row.deltas),
          count_text(row.plain_bytes),
          count_text(row.plain_bytes - row.saved_bytes),
          share_text(row.saved_bytes, row.plain_bytes)};
}

DeltaRow sum_of(const std::vector<DeltaRow>& rows) {
  DeltaRow sum;
  sum.app_id = "all";
  for (const DeltaRow& row : rows) {
    for (const Column& column : kColumns) sum.*column.member += row.*column.member;
  }
  return sum;
}

}  // namespace

std::vector<DeltaRow> read_delta_rows(std::string_view metrics) {
  std::map<std::pair<std::string, std::string>, DeltaRow> by_name;
  while (!metrics.empty()) {
    const std::size_t end = std::min(metrics.find('\n'), metrics.size());
    read_line(metrics.substr(0, end), by_name);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
  }
  std::vector<DeltaRow> rows;
  for (auto& [name, row] : by_name) rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(), [](const DeltaRow& a, const DeltaRow& b) {
    return a.plain_bytes > b.plain_bytes;
  });
  return rows;
}

std::string delta_table(const std::vector<DeltaRow>& rows) {
  std::vector<std::vector<std::string>> lines = {{"app", "pattern", "chains", "bytes kept", "full",
                                                  "delta", "plain bytes", "sent bytes", "saved"}};
  for (const DeltaRow& row : rows) lines.push_back(cells_of(row));
  if (rows.size() > 1) lines.push_back(cells_of(sum_of(rows)));
  std::vector<std::size_t> widths(lines.front().size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths[i] - line[i].size(), ' ');
      const bool is_name = i < 2;
      text += (i == 0 ? "" : "  ") + (is_name ? line[i] + space : space + line[i]);
    }
    text += "\n";
  }
  if (rows.empty()) text += "nobody gets deltas from this node yet\n";
  return text;
}

std::string delta_json(const std::vector<DeltaRow>& rows) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const DeltaRow& row : rows) {
    const auto count = [&writer](std::string_view key, double value) {
      writer.key(key);
      writer.raw(fixed(value, 0));
    };
    writer.begin_object();
    writer.key("app_id");
    writer.string(row.app_id);
    writer.key("pattern");
    writer.string(row.pattern);
    count("chains", row.chains);
    count("kept_bytes", row.kept_bytes);
    count("full", row.fulls);
    count("delta", row.deltas);
    count("plain_bytes", row.plain_bytes);
    count("sent_bytes", row.plain_bytes - row.saved_bytes);
    writer.end_object();
  }
  writer.end_array();
  return out + "\n";
}

}  // namespace mr::cli
