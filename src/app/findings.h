#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mr::app {

// What `millrace doctor` found out about one thing.
struct Finding {
  enum class Level : std::uint8_t { kGood, kWarning, kError };
  Level level = Level::kGood;
  std::string check;   // "broker", "clock"
  std::string text;    // what is so
  std::string remedy;  // what to do; empty: nothing
};
using Findings = std::vector<Finding>;

// One line each, remedies below; and as a JSON array.
std::string to_text(const Findings& findings);
std::string to_json(const Findings& findings);
// 1 when there is an error; warnings are none.
int exit_code_of(const Findings& findings);

// What INFO of a Redis says that a cluster should not run on.
Findings judge_redis(const std::string& info);
// How far this machine's clock is from the broker's.
Finding judge_clock(std::int64_t difference_ms);
// What a NATS server says of itself to whoever connects: a line "INFO {...}".
Findings judge_nats(const std::string& line);
// Soft limit of open files.
Finding judge_descriptors(std::uint64_t soft, std::uint64_t wanted_connections);

}  // namespace mr::app
