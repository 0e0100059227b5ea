#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"

namespace mr::cli {

// What to print instead of running a tool: its help, or what is wrong with the command line.
struct ParseExit {
  int code = 0;
  std::string text;
};

using ToolOptions = std::variant<TriggerOptions, SubscribeOptions, ReplayOptions, TopOptions,
                                 ClusterOptions, BusTailOptions, BenchOptions, ParseExit>;

bool is_tool(const std::string& name);

// `args` begin with the tool's name, which is_tool().
ToolOptions parse_args(const std::vector<std::string>& args);

}  // namespace mr::cli
