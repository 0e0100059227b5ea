#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "cli/bench_decoder.h"
#include "cli/bench_types.h"
#include "crypto/hmac.h"
#include "net/epoll_loop.h"

namespace mr::cli {

struct SubscribersOptions {
  std::vector<net::Address> addresses;  // of the nodes
  std::string host;
  std::string key;
  std::uint64_t first = 0;          // number of the first connection, over all processes
  std::uint64_t count = 0;          // connections of this process
  std::uint64_t channels = 1;       // connection i listens to channel i modulo channels, and so on
  std::uint32_t window = 200;       // handshakes under way at once
  bool floor = false;               // a bare server: every upgrade is a subscriber
  std::string secret;               // of private channels; empty: the channels are public
  std::uint32_t subscriptions = 1;  // connection i listens to the channels from i on
  std::uint32_t keys = 0;           // that the messages of a channel go round
  bool delta = false;               // asks for deltas and decodes them
  std::string algorithm;            // of the deltas; empty: the server's choice
};

// How many of the connections [first, first + count) listen to a channel.
std::uint64_t listeners_of(std::uint64_t channel, const SubscribersOptions& options);

class BenchSubscriber;

// The receiving side of the generator: many bare connections on one loop that parse no more of a
// frame than its header and the mark in its payload. Owned by the tool, on its loop.
class Subscribers {
 public:
  using Complete = base::Function<void(std::uint64_t number)>;

  // `on_complete`: a publish reached all connections of its channel here.
  Subscribers(net::EpollLoop& loop, SubscribersOptions options, Complete on_complete);
  ~Subscribers();

  void start();
  const BenchCounts& counts() const { return counts_; }
  const BenchLatency& latency() const { return latency_; }
  // Why the first connection failed; empty when none did.
  const std::string& first_error() const { return first_error_; }

 private:
  friend class BenchSubscriber;

  void open_more();
  void on_subscribed();
  void on_failed(bool was_subscribed, std::string_view why);
  void on_message(BenchSubscriber& subscriber, const BenchMark& mark);
  void on_frame(BenchSubscriber& subscriber, std::string_view frame);
  std::string delta_text() const;
  std::string subscribe_text(std::uint64_t channel, std::string_view established);
  std::size_t node_of(std::uint64_t number) const {
    return subscriber_node(number, options_.channels, options_.addresses.size());
  }
  int open_socket(std::uint64_t number, std::string& error) const;

  struct Progress {
    std::uint64_t number = 0;
    std::uint32_t got = 0;
  };
  static constexpr std::size_t kInFlightMax = 1 << 16;

  net::EpollLoop& loop_;
  const SubscribersOptions options_;
  Complete on_complete_;
  std::deque<std::unique_ptr<BenchSubscriber>> subscribers_;
  std::vector<std::uint32_t> listeners_;  // by channel
  BenchDecoder decoder_;
  std::vector<Progress> progress_;          // by number modulo kInFlightMax
  std::optional<crypto::HmacSha256> hmac_;  // of private channels
  std::uint64_t opening_ = 0;
  BenchCounts counts_;
  BenchLatency latency_;
  std::string first_error_;
};

}  // namespace mr::cli
