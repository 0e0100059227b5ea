#include "cli/tools.h"

#include "cli/args.h"
#include "cli/terminal.h"

namespace mr::cli {
namespace {

struct Runner {
  int operator()(const TriggerOptions& options) const { return run_trigger(options); }
  int operator()(const SubscribeOptions& options) const { return run_subscribe(options); }
  int operator()(const ReplayOptions& options) const { return run_replay(options); }
  int operator()(const TopOptions& options) const { return run_top(options); }
  int operator()(const ClusterOptions& options) const { return run_cluster(options); }
  int operator()(const BusTailOptions& options) const { return run_bus_tail(options); }
  int operator()(const BenchOptions& options) const { return run_bench(options); }
  int operator()(const ParseExit& exit) const {
    if (exit.code == kExitOk) return exit_after(print_out(exit.text), exit.code);
    print_error(exit.text);
    return exit.code;
  }
};

}  // namespace

std::optional<int> run_tool(const std::vector<std::string>& args) {
  if (args.empty() || !is_tool(args.front())) return std::nullopt;
  return std::visit(Runner{}, parse_args(args));
}

}  // namespace mr::cli
