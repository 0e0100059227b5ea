#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/banner.h"
#include "app/broker_tls.h"
#include "app/bus_sources.h"
#include "app/doctor.h"
#include "app/node.h"
#include "app/reload.h"
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

// Another process on these ports would silently share our listeners' clients. Held until ours
// listen; nothing, and the errors printed, when one is not free.
std::optional<std::vector<net::PortClaim>> claim_ports(const config::Settings& settings) {
  std::vector<net::Address> wanted = {{settings.host, settings.port}};
  if (settings.metrics.enabled) wanted.push_back({settings.metrics.host, settings.metrics.port});
  // In one order for all, or two nodes would wait for each other.
  std::sort(wanted.begin(), wanted.end(),
            [](const auto& a, const auto& b) { return a.port < b.port; });
  std::vector<net::PortClaim> claims;
  bool is_free = true;
  for (const net::Address& address : wanted) {
    auto claim = net::PortClaim::take(address);
    if (claim) {
      claims.push_back(std::move(claim).value());
      continue;
    }
    std::fprintf(stderr, "error: %s\n", claim.error().detail.c_str());
    is_free = false;
  }
  if (!is_free) return std::nullopt;
  return claims;
}

struct Running {
  Node& node;
  Reload& reload;
  net::EpollRuntime& runtime;
  observability::Log& log;
};

// SIGTERM and SIGINT drain, the second one ends at once; SIGUSR1 reopens the log file, SIGHUP
// reads the configuration again. A development node has none and ends with its terminal.
void on_signal(int signal, const Running& running) {
  if (signal == SIGUSR1) return running.log.reopen();
  if (signal == SIGHUP && !running.node.is_development()) return running.reload.run();
  if (!running.node.is_draining()) {
    return running.node.begin_drain([&runtime = running.runtime] { runtime.stop(); });
  }
  running.log.try_drain();
  std::_Exit(0);
}

// SIGHUP only where it was not ignored before us (nohup).
std::vector<int> watched_signals() {
  std::vector<int> signals = {SIGTERM, SIGINT, SIGUSR1};
  struct sigaction before{};
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) {
    signals.push_back(SIGHUP);
  }
  return signals;
}

int serve(config::LoadOutcome outcome, const std::vector<std::string>& args) {
  config::Settings& settings = outcome.settings;
  const std::size_t loops =
      settings.loops == 0 ? net::default_loop_count() : std::size_t{settings.loops};
  const auto raised = net::raise_fd_limit();
  if (const auto enough = net::check_fd_limit(loops); !enough) {
    std::fprintf(stderr, "error: %s\n", enough.error().detail.c_str());
    return kExitFailure;
  }
  if (const auto opened = open_broker_tls(settings.broker); !opened) {
    std::fprintf(stderr, "error: %s\n", opened.error().detail.c_str());
    return config::kExitConfig;
  }
  auto claims = claim_ports(settings);
  if (!claims) return kExitFailure;
  net::EpollRuntime runtime(loops);
  auto target = observability::open_log_target(settings.log.file);
  if (!target) {
    std::fprintf(stderr, "error: %s\n", target.error().detail.c_str());
    return config::kExitConfig;
  }
  observability::Log log(settings.log, runtime.control().clock(), std::move(target).value());
  const bool is_development = settings.development;
  const config::Settings shown = settings;
  if (!raised) {
    observability::Logger(log, "node")
        .warn("the limit of open files stays low", {{"reason", raised.error().detail}});
  }
  const std::unique_ptr<BusSource> buses = make_bus_source(settings, runtime, log);
  Node node(std::move(settings), runtime, log, {nullptr, buses.get()});
  Reload reload([args] { return config::load(config::input_of_process(args)); },
                std::move(outcome.origins), node, log);
  const Running running{node, reload, runtime, log};
  const auto watching = runtime.watch_signals(
      watched_signals(), [&running](int signal) { on_signal(signal, running); });
  const auto started = node.start();
  claims.reset();
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
  if (!args.empty() && args.front() == "doctor") return run_doctor({args.begin() + 1, args.end()});
  if (!args.empty() && args.front() == "start") args.erase(args.begin());
  config::LoadOutcome outcome = config::load(config::input_of_process(args));
  config::print_problems(outcome, out.err);
  if (!outcome.ok()) return config::kExitConfig;
  return serve(std::move(outcome), args);
}

}  // namespace
}  // namespace mr::app

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return mr::app::run({argv + 1, argv + argc});
}
