#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mr::cli {

// What a node's metrics say of the deltas of one app and channel pattern.
struct DeltaRow {
  std::string app_id;
  std::string pattern;
  double chains = 0;
  double kept_bytes = 0;
  double fulls = 0;
  double deltas = 0;
  double plain_bytes = 0;  // that the frames would have been without deltas
  double saved_bytes = 0;
};

// From the text of /metrics, whatever the prefix of its names; those that sent most first.
std::vector<DeltaRow> read_delta_rows(std::string_view metrics);
// A table for people, with a line of titles and, above one row, one of sums.
std::string delta_table(const std::vector<DeltaRow>& rows);
std::string delta_json(const std::vector<DeltaRow>& rows);

}  // namespace mr::cli
