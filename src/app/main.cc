#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/banner.h"
#include "app/node.h"
#include "cli/tools.h"
#include "config/commands.h"
#include "config/load.h"
#include "net/cpu_limit.h"
#include "net/epoll_runtime.h"
#include "net/port_probe.h"
#include "net/system_clock.h"
#include "observability/log.h"
#include "observability/log_target.h"

namespace mr::app {
namespace {

constexpr int kExitFailure = 1;

void print_to(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

config::Console console() {
  return {[](std::string_view text) { print_to(stdout, text); },
          [](std::string_view text) { print_to(stderr, text); }};
}

// Another process on these ports would silently share our listeners' clients.
bool ports_are_free(const config::Settings& settings) {
  bool is_free = true;
  const auto look = [&](const net::Address& address) {
    const auto probe = net::probe_port(address);
    if (probe) return;
    std::fprintf(stderr, "error: %s\n", probe.error().detail.c_str());
    is_free = false;
  };
  look({settings.host, settings.port});
  if (settings.metrics.enabled) look({settings.metrics.host, settings.metrics.port});
  return is_free;
}

// SIGTERM and SIGINT drain, the second one ends at once; SIGUSR1 reopens the log file.
void on_signal(int signal, Node& node, net::EpollRuntime& runtime, observability::Log& log) {
  if (signal == SIGUSR1) return log.reopen();
  if (!node.is_draining()) return node.begin_drain([&runtime] { runtime.stop(); });
  log.try_drain();
  std::_Exit(0);
}

int serve(config::Settings settings) {
  if (!ports_are_free(settings)) return kExitFailure;
  const std::size_t loops =
      settings.loops == 0 ? net::default_loop_count() : std::size_t{settings.loops};
  net::EpollRuntime runtime(loops);
  auto target = observability::open_log_target(settings.log.file);
  if (!target) {
    std::fprintf(stderr, "error: log.file: %s\n", target.error().detail.c_str());
    return config::kExitConfig;
  }
  observability::Log log(settings.log, runtime.control().clock(), std::move(target).value());
  const bool is_development = settings.development;
  const config::Settings shown = settings;
  if (const auto raised = net::raise_fd_limit(); !raised) {
    observability::Logger(log, "node")
        .warn("the limit of open files stays low", {{"reason", raised.error().detail}});
  }
  Node node(std::move(settings), runtime, log);
  const auto watching = runtime.watch_signals(
      {SIGTERM, SIGINT, SIGUSR1}, [&](int signal) { on_signal(signal, node, runtime, log); });
  const auto started = node.start();
  for (const auto* result : {&watching, &started}) {
    if (*result) continue;
    std::fprintf(stderr, "error: %s\n", result->error().detail.c_str());
    return kExitFailure;
  }
  if (is_development) print_to(stdout, development_banner(shown, node.port()));
  std::fflush(stdout);
  runtime.start();
  log.on_lines_waiting(
      [&] { runtime.worker().submit([&log] { log.drain(); }, runtime.control(), [] {}); });
  // With the worker hanging nothing can be taken down: it may hold any of it.
  if (!runtime.run_until_stopped()) std::_Exit(0);
  log.on_lines_waiting(nullptr);
  return 0;
}

int run(std::vector<std::string> args) {
  config::Console out = console();
  if (const auto code = config::run_command(args, config::input_of_process({}), out)) return *code;
  if (const auto code = cli::run_tool(args)) return *code;
  if (!args.empty() && args.front() == "start") args.erase(args.begin());
  config::LoadOutcome outcome = config::load(config::input_of_process(std::move(args)));
  config::print_problems(outcome, out.err);
  if (!outcome.ok()) return config::kExitConfig;
  return serve(std::move(outcome.settings));
}

}  // namespace
}  // namespace mr::app

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return mr::app::run({argv + 1, argv + argc});
}
