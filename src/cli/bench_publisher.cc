#include "cli/bench_publisher.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cli/bench_subscribers.h"

namespace mr::cli {

BenchPublisher::BenchPublisher(net::EpollLoop& loop, const BenchOptions& options,
                               std::span<const std::unique_ptr<client::RestClient>> rests,
                               std::uint64_t channels)
    : loop_(loop), options_(options), rests_(rests), channels_(channels) {}

BenchPublisher::~BenchPublisher() { close_clock(); }

void BenchPublisher::start(bool measured) {
  running_ = true;
  is_measuring_ = measured;
  begin_ns_ = monotonic_ns();
  due_ = 0;
  outstanding_ = 0;
  if (options_.rate > 0) {
    open_clock();
  } else {
    fill();
  }
}

void BenchPublisher::pause() {
  running_ = false;
  close_clock();
}

void BenchPublisher::open_clock() {
  // Finer than the loop's own timers, which count in milliseconds.
  constexpr double kTickMinNs = 100'000;
  const int descriptor = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (descriptor < 0) return;
  const auto tick = static_cast<long>(std::max(kTickMinNs, 1e9 / options_.rate));
  itimerspec when{};
  when.it_interval.tv_sec = tick / 1'000'000'000;
  when.it_interval.tv_nsec = tick % 1'000'000'000;
  when.it_value = when.it_interval;
  ::timerfd_settime(descriptor, 0, &when, nullptr);
  clock_ = loop_.adopt(descriptor);
  loop_.watch(clock_, *this);
}

void BenchPublisher::close_clock() {
  if (clock_ == net::SocketHandle::kNone) return;
  loop_.close(std::exchange(clock_, net::SocketHandle::kNone));
}

void BenchPublisher::on_ready(net::Ready) {
  std::uint64_t ticks = 0;
  if (::read(static_cast<int>(clock_), &ticks, sizeof(ticks)) != sizeof(ticks)) return;
  if (running_) send_due();
}

void BenchPublisher::send_due() {
  const double interval = 1e9 / options_.rate;
  const std::uint64_t now = monotonic_ns();
  while (true) {
    const std::uint64_t due =
        begin_ns_ + static_cast<std::uint64_t>(interval * static_cast<double>(due_));
    if (due > now) return;
    ++due_;
    if (rest_of(next_number_ % channels_).in_flight() >= kUnansweredMax) {
      ++skipped_;
    } else {
      publish(due);
    }
  }
}

void BenchPublisher::fill() {
  const bool is_limited = is_measuring_ && options_.publishes > 0;
  while (running_ && outstanding_ < options_.in_flight &&
         !(is_limited && measured_ >= options_.publishes)) {
    publish(monotonic_ns());
  }
}

void BenchPublisher::on_complete(std::uint64_t) {
  if (options_.rate > 0) return;
  if (outstanding_ > 0) --outstanding_;
  fill();
}

// With keys a JSON object, else text; as long as asked for.
std::string BenchPublisher::payload(std::uint64_t number, std::uint64_t sent_ns) const {
  std::string data;
  std::string_view end;
  data.reserve(options_.size);
  const BenchMark mark{is_measuring_, number, sent_ns};
  if (options_.keys == 0) {
    mark.write(data);
  } else {
    const std::uint64_t key = number / channels_ % options_.keys;
    data += R"({"symbol":"K)" + std::to_string(key) + R"(","mark":")";
    mark.write(data);
    data += R"(","fill":")";
    end = "\"}";
  }
  const std::size_t bytes = data.size() + end.size();
  if (bytes < options_.size) data.append(options_.size - bytes, 'x');
  return data.append(end);
}

void BenchPublisher::publish(std::uint64_t sent_ns) {
  const std::uint64_t number = next_number_++;
  const std::uint64_t channel = number % channels_;
  SubscribersOptions all;
  all.count = options_.connections;
  all.channels = channels_;
  all.subscriptions = options_.subscriptions;
  const std::uint64_t listeners = listeners_of(channel, all);
  std::string data = payload(number, sent_ns);
  ++outstanding_;
  ++published_;
  expected_ += listeners;
  if (is_measuring_) {
    ++measured_;
    expected_measured_ += listeners;
  }
  const auto done = [this, measured = is_measuring_, listeners](client::RestReply reply) {
    on_reply(reply, measured, listeners);
  };
  const std::string name = bench_channel(channel, options_.are_private);
  if (options_.floor) {
    // The same text that the full server's subscribers get.
    rest_of(channel).post("/publish",
                          R"({"event":"bench","channel":")" + name + R"(","data":")" + data + "\"}",
                          done);
  } else {
    rest_of(channel).publish({name, "bench", std::move(data)}, done);
  }
}

void BenchPublisher::on_reply(const client::RestReply& reply, bool measured,
                              std::uint64_t listeners) {
  if (reply.ok()) return;
  ++errors_;
  expected_ -= listeners;
  if (measured) expected_measured_ -= listeners;
  if (first_error_.empty()) first_error_ = failure_text(reply);
  if (reply.status >= 400 && reply.status < 500 && reply.status != 429) is_refused_ = true;
  // A refused publish will not be delivered: the closed loop goes on without it, later, so that a
  // server that refuses all is not asked without a pause.
  if (options_.rate > 0) return;
  if (outstanding_ > 0) --outstanding_;
  loop_.after(std::chrono::milliseconds(1), [this] { fill(); });
}

}  // namespace mr::cli
