#include <csignal>

#include "cli/admin_client.h"
#include "cli/terminal.h"
#include "cli/tools.h"
#include "http/query.h"
#include "json/parser.h"
#include "net/epoll_loop.h"
#include "net/signal_watch.h"

namespace mr::cli {
namespace {

constexpr base::Duration kInterval = std::chrono::milliseconds(200);
constexpr std::size_t kBytesMax = 64 << 20;

// Asks again and again for what passed meanwhile.
class Tail {
 public:
  Tail(net::EpollLoop& loop, const BusTailOptions& options, AdminClient& client)
      : loop_(loop), options_(options), client_(client) {
    target_ = "/admin/cluster/tail?app=" + http::percent_encode(options.app_id) +
              "&channel=" + http::percent_encode(options.channel) +
              "&payloads=" + (options.payloads ? "1" : "0");
    for (const std::string& kind : options.kinds) target_ += "&kind=" + http::percent_encode(kind);
  }

  void ask() {
    client_.ask(http::Method::kGet, target_, [this](const std::string& body) { show(body); });
  }
  int exit_code() const { return exit_code_; }

 private:
  void show(const std::string& body) {
    const auto answer = body.empty() ? parser_.parse("0") : parser_.parse(body);
    const auto envelopes = answer ? answer.value().member("envelopes") : std::nullopt;
    if (!envelopes) {
      exit_code_ = kExitFailed;
      return loop_.stop();
    }
    std::string text;
    bool is_enough = false;
    envelopes->for_each_element([&](const json::Value& envelope) {
      is_enough = is_enough || (options_.count > 0 && shown_ == options_.count);
      if (is_enough) return;
      ++shown_;
      text.append(envelope.raw()).push_back('\n');
    });
    is_enough = options_.count > 0 && shown_ >= options_.count;
    const auto skipped = answer.value().member("skipped");
    if (skipped && skipped->as_uint().value_or(0) > 0) {
      print_note(with_commas(*skipped->as_uint()) + " envelopes were left out: too many at once");
    }
    const Printed printed = print_out(text);
    exit_code_ = exit_after(printed, exit_code_);
    if (printed != Printed::kAll || is_enough) return loop_.stop();
    loop_.after(kInterval, [this] { ask(); });
  }

  net::EpollLoop& loop_;
  const BusTailOptions& options_;
  AdminClient& client_;
  json::Parser parser_{kBytesMax};
  std::string target_;
  std::uint64_t shown_ = 0;
  int exit_code_ = kExitOk;
};

}  // namespace

int run_bus_tail(const BusTailOptions& options) {
  net::Address address;
  if (!AdminClient::can_resolve(options.admin, address)) return kExitFailed;
  net::EpollLoop loop;
  const auto signals =
      net::SignalWatch::open(loop, {SIGINT, SIGTERM}, [&loop](int) { loop.stop(); });
  AdminClient client(loop, options.admin, address);
  Tail tail(loop, options, client);
  tail.ask();
  loop.run();
  return tail.exit_code();
}

}  // namespace mr::cli
