#include <unistd.h>

#include <csignal>
#include <span>
#include <vector>

#include "cli/corpus.h"
#include "cli/terminal.h"
#include "cli/tools.h"
#include "client/rest_client.h"
#include "json/writer.h"
#include "net/epoll_loop.h"
#include "net/signal_watch.h"

namespace mr::cli {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(100);

// Publishes a recording in its order. Requests are pipelined on one connection, so the server gets
// them in that order too; with batches the order holds within and between requests.
class Replay {
 public:
  Replay(net::EpollLoop& loop, const ReplayOptions& options, Corpus corpus,
         client::RestClient& rest)
      : loop_(loop), options_(options), corpus_(std::move(corpus)), rest_(rest) {}

  void start() {
    begin_ = loop_.clock().now();
    next_ = corpus_.next();
    go_on();
    tick();
  }
  void interrupt() {
    interrupted_ = true;
    loop_.stop();
  }
  int finish();

 private:
  bool is_paced() const { return options_.speed > 0; }
  base::TimePoint due(const CorpusEvent& event) const { return begin_ + scaled(event.at); }
  base::Duration scaled(base::Duration recorded) const {
    return base::Duration(
        static_cast<base::Duration::rep>(static_cast<double>(recorded.count()) / options_.speed));
  }
  // A later answer can make no whole replay of it any more, or every answer will be the same.
  static bool is_final(const client::RestReply& reply) {
    return reply.status == 0 || (reply.status >= 400 && reply.status < 500 && reply.status != 429);
  }
  void go_on();
  void send(std::vector<client::RestEvent> batch);
  void on_reply(const client::RestReply& reply, std::uint64_t events);
  void tick();

  net::EpollLoop& loop_;
  const ReplayOptions& options_;
  Corpus corpus_;
  client::RestClient& rest_;
  ProgressLine progress_;
  std::optional<CorpusEvent> next_;
  base::TimePoint begin_{};
  base::TimePoint end_{};
  std::uint64_t sent_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t requests_ = 0;
  std::string first_error_;
  bool waits_ = false;
  bool gave_up_ = false;
  bool interrupted_ = false;
};

void Replay::go_on() {
  while (next_ && rest_.in_flight() < options_.in_flight) {
    const base::TimePoint now = loop_.clock().now();
    if (is_paced() && due(*next_) > now) {
      if (waits_) return;
      waits_ = true;
      loop_.after(due(*next_) - now, [this] {
        waits_ = false;
        go_on();
      });
      return;
    }
    std::vector<client::RestEvent> batch;
    while (next_ && batch.size() < options_.batch && (!is_paced() || due(*next_) <= now)) {
      batch.push_back({std::move(next_->channel), std::move(next_->event), std::move(next_->data)});
      next_ = corpus_.next();
    }
    send(std::move(batch));
  }
  if (!next_ && rest_.in_flight() == 0) {
    end_ = loop_.clock().now();
    loop_.stop();
  }
}

void Replay::send(std::vector<client::RestEvent> batch) {
  const std::uint64_t events = batch.size();
  sent_ += events;
  ++requests_;
  const auto done = [this, events](client::RestReply reply) { on_reply(reply, events); };
  if (batch.size() == 1) {
    rest_.publish(batch.front(), done);
  } else {
    rest_.publish_batch(batch, done);
  }
}

void Replay::on_reply(const client::RestReply& reply, std::uint64_t events) {
  if (reply.ok()) {
    accepted_ += events;
  } else {
    failed_ += events;
    if (first_error_.empty()) first_error_ = failure_text(reply);
    if (is_final(reply)) {
      gave_up_ = true;
      next_.reset();
    }
  }
  go_on();
}

void Replay::tick() {
  const auto elapsed = loop_.clock().now() - begin_;
  const double share = corpus_.count() == 0 ? 1
                                            : static_cast<double>(accepted_ + failed_) /
                                                  static_cast<double>(corpus_.count());
  progress_.show(ProgressLine::bar(share, 30) + " " + with_commas(accepted_ + failed_) + " of " +
                 with_commas(corpus_.count()) + "  " + human_time(elapsed) +
                 (is_paced() ? " of " + human_time(scaled(corpus_.length())) : "") +
                 (failed_ > 0 ? "  errors " + with_commas(failed_) : ""));
  loop_.after(kTick, [this] { tick(); });
}

int Replay::finish() {
  if (end_ == base::TimePoint{}) end_ = loop_.clock().now();
  progress_.clear();
  const double seconds = std::chrono::duration<double>(end_ - begin_).count();
  const double rate = seconds > 0 ? static_cast<double>(accepted_) / seconds : 0;
  Printed printed = Printed::kAll;
  if (options_.json) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.key("events");
    writer.number(corpus_.count());
    writer.key("accepted");
    writer.number(accepted_);
    writer.key("errors");
    writer.number(failed_);
    writer.key("requests");
    writer.number(requests_);
    writer.key("seconds");
    writer.raw(fixed(seconds, 3));
    writer.key("events_per_second");
    writer.raw(fixed(rate, 1));
    writer.end_object();
    printed = print_out(text + "\n");
  } else {
    printed = print_out(
        "published " + with_commas(accepted_) + " of " + with_commas(corpus_.count()) +
        " events in " + fixed(seconds, 2) + " s (" + with_commas(static_cast<std::uint64_t>(rate)) +
        "/s, " + with_commas(requests_) + " requests), " + with_commas(failed_) + " errors\n");
  }
  if (!first_error_.empty()) print_error("the first error: " + first_error_);
  if (interrupted_ || gave_up_) {
    print_error(std::string(interrupted_ ? "interrupted" : "given up") + "; " +
                with_commas(corpus_.count() - sent_) + " events were not sent");
  }
  return exit_after(printed, accepted_ == corpus_.count() ? kExitOk : kExitFailed);
}

// People at a terminal learn how long it will take before they wait.
void print_plan(const ReplayOptions& options, const Corpus& corpus) {
  if (!is_terminal(STDERR_FILENO)) return;
  const double seconds = std::chrono::duration<double>(corpus.length()).count() / options.speed;
  std::string text = with_commas(corpus.count()) + " events in " + fixed(seconds, 1) + " s";
  if (corpus.pauses_cut() > 0) {
    text += ", " + with_commas(corpus.pauses_cut()) + " pauses cut to " +
            fixed(options.gap_max, 1) + " s (--gap-max)";
  }
  print_note(text + "; --speed N or --max is faster, Ctrl-C ends it");
}

}  // namespace

int run_replay(const ReplayOptions& options) {
  auto corpus = Corpus::open(options.file, std::chrono::duration_cast<base::Duration>(
                                               std::chrono::duration<double>(options.gap_max)));
  if (!corpus) {
    print_error(corpus.error().detail);
    return kExitUsage;
  }
  const auto address = resolve(options.target);
  if (!address) return kExitFailed;
  if (options.speed > 0 && !options.json) print_plan(options, corpus.value());
  net::EpollLoop loop;
  const Target& target = options.target;
  client::RestClient rest(loop, {*address, target.host_header(), target.app_id, target.key,
                                 target.secret, std::chrono::seconds(30)});
  Replay replay(loop, options, std::move(corpus).value(), rest);
  const auto signals =
      net::SignalWatch::open(loop, {SIGINT, SIGTERM}, [&replay](int) { replay.interrupt(); });
  replay.start();
  loop.run();
  return replay.finish();
}

}  // namespace mr::cli
