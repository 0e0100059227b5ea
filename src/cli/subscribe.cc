#include <unistd.h>

#include <csignal>

#include "cli/terminal.h"
#include "cli/tools.h"
#include "client/pusher_client.h"
#include "json/parser.h"
#include "json/writer.h"
#include "net/epoll_loop.h"
#include "net/signal_watch.h"

namespace mr::cli {
namespace {

std::string channel_data(const std::string& user_id) {
  return "{\"user_id\":" + json::quote(user_id) + "}";
}

std::string summary(const client::DeltaReader::Counts& counts) {
  const double share = counts.text_bytes == 0 ? 0
                                              : 100 - 100 * static_cast<double>(counts.wire_bytes) /
                                                          static_cast<double>(counts.text_bytes);
  return with_commas(counts.deltas) + " deltas, " + with_commas(counts.fulls) + " full, " +
         with_commas(counts.lost) + " lost; " + with_commas(counts.wire_bytes) + " of " +
         with_commas(counts.text_bytes) + " bytes came, " + fixed(share, 1) + " % saved";
}

// Prints what one connection gets.
class Printer {
 public:
  Printer(net::EpollLoop& loop, const SubscribeOptions& options)
      : loop_(loop), options_(options), colour_(wants_colour(STDOUT_FILENO)) {}

  client::PusherCallbacks callbacks(std::unique_ptr<client::PusherClient>& client) {
    client::PusherCallbacks callbacks;
    callbacks.on_connected = [this, &client](std::string_view) {
      for (const std::string& channel : options_.channels) {
        const bool presence = channel.starts_with("presence-");
        client->subscribe(channel,
                          presence ? std::optional(channel_data(options_.user_id)) : std::nullopt,
                          options_.filter);
      }
    };
    callbacks.on_event = [this](const client::PusherEvent& event) { on_event(event); };
    callbacks.on_lost = [this](std::string_view channel, std::string_view why) {
      print_error(std::string(channel) + ": " + std::string(why) + "; the message is lost");
      exit_code_ = kExitFailed;
    };
    callbacks.on_closed = [this](const client::PusherClosed& closed) {
      print_error("the connection ended" +
                  (closed.code == 0 ? std::string() : " with code " + std::to_string(closed.code)) +
                  ": " + closed.reason);
      exit_code_ = kExitFailed;
      loop_.stop();
    };
    return callbacks;
  }
  int exit_code() const { return exit_code_; }

 private:
  void on_event(const client::PusherEvent& event) {
    const bool internal = event.event.starts_with("pusher");
    std::string line = event.raw + "\n";
    if (!options_.json) {
      line = event.channel.empty() ? "-" : event.channel;
      line += "\t" + event.event + "\t" + event.data + "\n";
      if (colour_ && internal) line = "\x1b[2m" + line + "\x1b[0m";
    }
    if (const Printed printed = print_out(line); printed != Printed::kAll) {
      exit_code_ = exit_after(printed, exit_code_);
      return loop_.stop();
    }
    // Whom no channel can be given to has nothing to wait for.
    if (event.event == "pusher:subscription_error" && ++refused_ == options_.channels.size()) {
      exit_code_ = kExitFailed;
      loop_.stop();
    }
    if (!internal && options_.count > 0 && ++seen_ == options_.count) loop_.stop();
  }

  net::EpollLoop& loop_;
  const SubscribeOptions& options_;
  const bool colour_;
  std::uint64_t seen_ = 0;
  std::size_t refused_ = 0;
  int exit_code_ = kExitOk;
};

}  // namespace

int run_subscribe(const SubscribeOptions& options) {
  constexpr std::size_t kFilterBytesMax = 64 << 10;
  if (!options.filter.empty() && !json::Parser(kFilterBytesMax).parse(options.filter)) {
    print_error("--filter '" + options.filter + "' is not JSON");
    return kExitUsage;
  }
  const auto address = resolve(options.target);
  if (!address) return kExitFailed;
  net::EpollLoop loop;
  const auto signals =
      net::SignalWatch::open(loop, {SIGINT, SIGTERM}, [&loop](int) { loop.stop(); });
  Printer printer(loop, options);
  std::unique_ptr<client::PusherClient> client;
  client::PusherOptions connection;
  connection.address = *address;
  connection.host = options.target.host_header();
  connection.key = options.target.key;
  connection.secret = options.target.secret;
  connection.delta = options.delta;
  connection.delta_algorithm = options.delta_algorithm;
  client = std::make_unique<client::PusherClient>(loop, connection, printer.callbacks(client));
  client->connect();
  loop.run();
  if (options.delta) print_note(summary(client->delta_counts()));
  client->close();
  return printer.exit_code();
}

}  // namespace mr::cli
