#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "cli/bench_types.h"
#include "cli/options.h"
#include "client/rest_client.h"
#include "net/epoll_loop.h"

namespace mr::cli {

// The sending side of a run: REST on one kept connection to each node. Closed loop: a fixed number
// of publishes whose deliveries are not complete; open loop: a fixed rate, whatever the server
// does, with each publish stamped with the time when it was due. On the tool's loop.
class BenchPublisher final : private net::SocketEvents {
 public:
  // `rests`: one per node.
  BenchPublisher(net::EpollLoop& loop, const BenchOptions& options,
                 std::span<const std::unique_ptr<client::RestClient>> rests,
                 std::uint64_t channels);
  ~BenchPublisher();

  void start(bool measured);
  void pause();
  // From the audience.
  void on_complete(std::uint64_t number);

  std::uint64_t published() const { return published_; }
  std::uint64_t measured() const { return measured_; }
  std::uint64_t errors() const { return errors_; }
  // Open loop: publishes that were due and not sent because too many answers were missing.
  std::uint64_t skipped() const { return skipped_; }
  const std::string& first_error() const { return first_error_; }
  // A publish was refused for what it is (4xx, but not 429): the others will be too.
  bool is_refused() const { return is_refused_; }
  // Deliveries that the accepted publishes must make.
  std::uint64_t expected() const { return expected_; }
  std::uint64_t expected_measured() const { return expected_measured_; }

 private:
  void on_ready(net::Ready ready) override;  // the clock of the open loop
  client::RestClient& rest_of(std::uint64_t channel) const {
    return *rests_[entry_node(channel, rests_.size())];
  }
  void send_due();
  void fill();
  void publish(std::uint64_t sent_ns);
  std::string payload(std::uint64_t number, std::uint64_t sent_ns) const;
  void on_reply(const client::RestReply& reply, bool measured, std::uint64_t listeners);
  void open_clock();
  void close_clock();

  static constexpr std::size_t kUnansweredMax = 20'000;

  net::EpollLoop& loop_;
  const BenchOptions& options_;
  const std::span<const std::unique_ptr<client::RestClient>> rests_;
  const std::uint64_t channels_;
  net::SocketHandle clock_ = net::SocketHandle::kNone;
  bool running_ = false;
  bool is_measuring_ = false;
  bool is_refused_ = false;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t due_ = 0;  // publishes since begin_ns_
  std::uint64_t next_number_ = 0;
  std::uint64_t outstanding_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t measured_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t expected_measured_ = 0;
  std::string first_error_;
};

}  // namespace mr::cli
