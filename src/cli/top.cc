#include <unistd.h>

#include <csignal>

#include "cli/delta_table.h"
#include "cli/terminal.h"
#include "cli/tools.h"
#include "http/client.h"
#include "net/epoll_loop.h"
#include "net/signal_watch.h"

namespace mr::cli {
namespace {

constexpr std::size_t kMetricsBytesMax = 64 << 20;

// Asks a node for its metrics and shows what they say of deltas: once, or again and again on a
// terminal.
class Top {
 public:
  Top(net::EpollLoop& loop, const TopOptions& options, http::Client& client)
      : loop_(loop), options_(options), client_(client) {}

  void ask() {
    http::ClientRequest request;
    request.target = "/metrics";
    client_.send(request, [this](base::Result<http::Response, http::ClientErrc> answer) {
      on_answer(answer);
    });
  }
  int exit_code() const { return exit_code_; }

 private:
  bool is_repeated() const {
    return !options_.once && !options_.json && is_terminal(STDOUT_FILENO);
  }

  void on_answer(const base::Result<http::Response, http::ClientErrc>& answer) {
    if (!answer) return fail(answer.error().detail);
    if (answer.value().status != 200) {
      return fail("/metrics was answered with " + std::to_string(answer.value().status) +
                  "; name the metrics port with --metrics-port");
    }
    const auto rows = read_delta_rows(answer.value().body);
    std::string text = options_.json ? delta_json(rows) : delta_table(rows);
    if (is_repeated()) text = "\x1b[H\x1b[2J" + text;
    const Printed printed = print_out(text);
    exit_code_ = exit_after(printed, exit_code_);
    if (printed != Printed::kAll || !is_repeated()) return loop_.stop();
    loop_.after(std::chrono::milliseconds(static_cast<std::int64_t>(options_.interval * 1000)),
                [this] { ask(); });
  }

  void fail(const std::string& why) {
    print_error(why);
    exit_code_ = kExitFailed;
    loop_.stop();
  }

  net::EpollLoop& loop_;
  const TopOptions& options_;
  http::Client& client_;
  int exit_code_ = kExitOk;
};

}  // namespace

int run_top(const TopOptions& options) {
  const auto address = resolve(options.target);
  if (!address) return kExitFailed;
  net::EpollLoop loop;
  const auto signals =
      net::SignalWatch::open(loop, {SIGINT, SIGTERM}, [&loop](int) { loop.stop(); });
  http::ClientOptions connection;
  connection.address = *address;
  connection.host = options.target.host_header();
  connection.limits.body_bytes_max = kMetricsBytesMax;
  http::Client client(loop, connection);
  Top top(loop, options, client);
  top.ask();
  loop.run();
  return top.exit_code();
}

}  // namespace mr::cli
