#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace mr::cli {

// Each tool runs its own loop on the calling thread until it is done or interrupted and returns
// the process's exit code (terminal.h).
int run_trigger(const TriggerOptions& options);
int run_subscribe(const SubscribeOptions& options);
int run_replay(const ReplayOptions& options);
int run_top(const TopOptions& options);
int run_cluster(const ClusterOptions& options);
int run_bus_tail(const BusTailOptions& options);
int run_bench(const BenchOptions& options);

// `args` begin with the tool's name. Nothing when the first is none of ours.
std::optional<int> run_tool(const std::vector<std::string>& args);

}  // namespace mr::cli
