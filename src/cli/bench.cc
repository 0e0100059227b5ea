#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "cli/bench_audience.h"
#include "cli/bench_publisher.h"
#include "cli/bench_report.h"
#include "cli/terminal.h"
#include "cli/tools.h"
#include "net/signal_watch.h"

namespace mr::cli {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(10);
constexpr std::uint32_t kConnectionsPerProcess = 15'000;
constexpr std::uint64_t kStalledNs = 15'000'000'000;  // connecting without any progress
constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::uint64_t to_ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

// A run's phases, advanced by a tick.
class BenchRun final : public net::IterationEnd {
 public:
  BenchRun(net::EpollLoop& loop, const BenchOptions& options, Audience& audience,
           BenchPublisher& publisher)
      : loop_(loop), options_(options), audience_(audience), publisher_(publisher) {}

  void start() {
    if (options_.poll) loop_.set_iteration_end(this);
    report_.at_start = read_servers(options_.server_pids);
    enter(Phase::kConnecting);
    audience_.start();
    tick();
  }
  void interrupt() {
    publisher_.pause();
    finish();
  }
  // After the loop: the exit code.
  int print() const;

 private:
  enum class Phase : std::uint8_t {
    kConnecting,
    kResting,  // everything is subscribed; memory settles
    kWarmUp,
    kWarmDrain,
    kMeasuring,
    kDraining,
    kIdle,
    kDone,
  };

  void enter(Phase phase) {
    phase_ = phase;
    phase_begin_ = monotonic_ns();
  }
  // True: the loop looks again without sleeping.
  bool on_iteration_end() override {
    return phase_ == Phase::kWarmUp || phase_ == Phase::kMeasuring || phase_ == Phase::kDraining;
  }
  std::uint64_t in_phase() const { return monotonic_ns() - phase_begin_; }
  bool publishes() const { return options_.seconds > 0 || options_.publishes > 0; }
  bool is_measured() const {
    if (options_.publishes > 0) return publisher_.measured() >= options_.publishes;
    return in_phase() >= to_ns(options_.seconds);
  }
  void tick();
  void step();
  void step_connecting(const BenchCounts& counts);
  void begin_measuring();
  void end_measuring(const BenchCounts& counts);
  void finish();
  void show_progress(const BenchCounts& counts);

  net::EpollLoop& loop_;
  const BenchOptions& options_;
  Audience& audience_;
  BenchPublisher& publisher_;
  ProgressLine progress_{ProgressLine::Elsewhere::kLines};
  BenchReport report_;
  Phase phase_ = Phase::kConnecting;
  std::uint64_t phase_begin_ = 0;
  std::uint64_t measure_begin_ = 0;
  std::uint64_t last_connected_ = 0;
  std::uint64_t last_progress_ns_ = 0;
  std::uint64_t shown_ns_ = 0;
  std::uint64_t shown_delivered_ = 0;
  std::string problem_;
};

void BenchRun::tick() {
  step();
  if (phase_ == Phase::kDone) return;
  loop_.after(kTick, [this] { tick(); });
}

void BenchRun::step() {
  const BenchCounts counts = audience_.counts();
  show_progress(counts);
  if (publisher_.is_refused()) return interrupt();
  const bool all_there = counts.delivered >= publisher_.expected();
  switch (phase_) {
    case Phase::kConnecting:
      return step_connecting(counts);
    case Phase::kResting:
      if (in_phase() < kSecondNs / 2) return;
      if (options_.warm_up <= 0 || !publishes()) return begin_measuring();
      publisher_.start(false);
      return enter(Phase::kWarmUp);
    case Phase::kWarmUp:
      if (in_phase() < to_ns(options_.warm_up)) return;
      publisher_.pause();
      return enter(Phase::kWarmDrain);
    case Phase::kWarmDrain:
      if (all_there || in_phase() > to_ns(options_.settle)) begin_measuring();
      return;
    case Phase::kMeasuring:
      // What cannot be delivered any more is not waited for.
      if (!is_measured() && counts.undecodable == 0 && counts.failed == 0) return;
      publisher_.pause();
      return enter(Phase::kDraining);
    case Phase::kDraining:
      if (all_there || in_phase() > to_ns(options_.settle)) end_measuring(counts);
      return;
    case Phase::kIdle:
      if (in_phase() >= to_ns(options_.idle)) finish();
      return;
    case Phase::kDone:
      return;
  }
}

void BenchRun::step_connecting(const BenchCounts& counts) {
  const std::uint64_t now = monotonic_ns();
  if (counts.connected > last_connected_ || last_progress_ns_ == 0) {
    last_connected_ = counts.connected;
    last_progress_ns_ = now;
  }
  const bool all_tried = counts.connected + counts.failed >= options_.connections;
  if (all_tried && counts.failed > 0) {
    problem_ = with_commas(counts.failed) + " of " + with_commas(options_.connections) +
               " connections failed, the first: " + audience_.first_error();
    return finish();
  }
  if (!all_tried && now - last_progress_ns_ > kStalledNs) {
    problem_ = "only " + with_commas(counts.connected) + " of " +
               with_commas(options_.connections) + " connections came up in time";
    return finish();
  }
  if (!all_tried) return;
  report_.connect_seconds = static_cast<double>(in_phase()) / 1e9;
  report_.at_connected = read_servers(options_.server_pids);
  enter(Phase::kResting);
}

void BenchRun::begin_measuring() {
  if (!publishes()) return enter(Phase::kIdle);
  report_.at_measure = read_servers(options_.server_pids);
  measure_begin_ = monotonic_ns();
  enter(Phase::kMeasuring);
  publisher_.start(true);
}

void BenchRun::end_measuring(const BenchCounts& counts) {
  report_.at_delivered = read_servers(options_.server_pids);
  const std::uint64_t asked = options_.publishes > 0 ? 0 : to_ns(options_.seconds);
  const std::uint64_t end = std::max(counts.last_ns, measure_begin_ + asked);
  report_.seconds = static_cast<double>(end - measure_begin_) / 1e9;
  enter(Phase::kIdle);
}

void BenchRun::finish() {
  if (phase_ == Phase::kDone) return;
  phase_ = Phase::kDone;
  const BenchCounts counts = audience_.counts();
  report_.at_end = read_servers(options_.server_pids);
  report_.connections = counts.connected;
  report_.failed_connections = counts.failed;
  report_.channels =
      options_.mode == BenchChannels::kOwn ? options_.connections : options_.channels;
  report_.publishes = publisher_.measured();
  report_.publish_errors = publisher_.errors();
  report_.skipped = publisher_.skipped();
  report_.expected = publisher_.expected();
  report_.delivered = counts.delivered;
  report_.duplicates = counts.duplicates;
  report_.deltas = counts.deltas;
  report_.undecodable = counts.undecodable;
  if (counts.undecodable > 0 && problem_.empty()) {
    problem_ = with_commas(counts.undecodable) + " deltas could not be decoded; " +
               (audience_.first_error().empty() ? "their base had not been sent"
                                                : audience_.first_error());
  }
  report_.measured_deliveries = counts.measured;
  audience_.finish([this](BenchLatency latency) {
    report_.latency = latency;
    loop_.stop();
  });
}

void BenchRun::show_progress(const BenchCounts& counts) {
  const std::uint64_t now = monotonic_ns();
  if (shown_ns_ != 0 && now - shown_ns_ < kSecondNs) return;
  const double since = shown_ns_ == 0 ? 1 : static_cast<double>(now - shown_ns_) / 1e9;
  const auto rate =
      static_cast<std::uint64_t>(static_cast<double>(counts.delivered - shown_delivered_) / since);
  shown_ns_ = now;
  shown_delivered_ = counts.delivered;
  const std::string time = fixed(static_cast<double>(in_phase()) / 1e9, 0) + " s";
  switch (phase_) {
    case Phase::kConnecting:
      return progress_.show("connecting  " + with_commas(counts.connected) + " of " +
                            with_commas(options_.connections));
    case Phase::kResting:
    case Phase::kIdle:
      return progress_.show("at rest     " + time);
    case Phase::kWarmUp:
    case Phase::kWarmDrain:
      return progress_.show("warming up  " + time + "  " + with_commas(rate) + " delivered/s");
    case Phase::kMeasuring:
    case Phase::kDraining:
      return progress_.show("measuring   " + time + "  " + with_commas(rate) + " delivered/s");
    case Phase::kDone:
      return;
  }
}

int BenchRun::print() const {
  const bool good = problem_.empty() && report_.lost() == 0 && report_.duplicates == 0 &&
                    report_.undecodable == 0 && report_.publish_errors == 0 &&
                    report_.failed_connections == 0;
  int code = good ? kExitOk : kExitFailed;
  // Without a message there is nothing to report but why.
  if (report_.publishes > 0 || good) {
    code = exit_after(
        print_out(options_.json ? report_json(report_, options_) : report_text(report_, options_)),
        code);
  }
  if (!problem_.empty()) print_error(problem_);
  if (!publisher_.first_error().empty()) {
    print_error("the first publish error: " + publisher_.first_error());
  }
  return code;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Empty when the host is not found; that is printed then.
std::vector<net::Address> resolve_nodes(const BenchOptions& options) {
  const auto address = resolve(options.target);
  if (!address) return {};
  std::vector<net::Address> nodes;
  for (const std::uint16_t port : options.ports) nodes.push_back({address->host, port});
  if (nodes.empty()) nodes.push_back(*address);
  return nodes;
}

SubscribersOptions subscribers_of(const BenchOptions& options,
                                  const std::vector<net::Address>& addresses) {
  SubscribersOptions all;
  all.addresses = addresses;
  all.host = options.target.host_header();
  all.key = options.target.key;
  all.count = options.connections;
  all.channels = options.mode == BenchChannels::kOwn ? options.connections : options.channels;
  all.window = options.connect_window;
  all.floor = options.floor;
  if (options.are_private) all.secret = options.target.secret;
  all.subscriptions = options.subscriptions;
  all.keys = options.keys;
  all.delta = options.delta;
  all.algorithm = options.delta_algorithm;
  return all;
}

}  // namespace

int run_bench(const BenchOptions& options) {
  const bool is_own = options.mode == BenchChannels::kOwn;
  if (options.subscriptions > (is_own ? options.connections : options.channels)) {
    print_error("--subscriptions " + std::to_string(options.subscriptions) +
                " needs as many channels; set --channels");
    return kExitUsage;
  }
  const auto addresses = resolve_nodes(options);
  if (addresses.empty()) return kExitFailed;
  if (!options.server_pids.empty() && !read_servers(options.server_pids)) {
    print_error("one of the processes of --server-pid is not there; check their ids");
    return kExitUsage;
  }
  raise_descriptor_limit();
  const SubscribersOptions all = subscribers_of(options, addresses);
  const std::uint32_t processes =
      options.processes > 0
          ? options.processes
          : (options.connections + kConnectionsPerProcess - 1) / kConnectionsPerProcess;
  if (options.poll && processes > 1) {
    print_error("--poll is for one process, and these would be " + std::to_string(processes) +
                "; fewer connections, or --processes 1");
    return kExitUsage;
  }
  std::vector<BenchWorker> workers;
  if (processes > 1) {
    workers = fork_workers(all, processes);
    if (workers.size() != processes) {
      print_error("cannot start " + std::to_string(processes) + " processes");
      return kExitFailed;
    }
  }
  net::EpollLoop loop;
  const Target& target = options.target;
  std::vector<std::unique_ptr<client::RestClient>> rests;
  for (const net::Address& address : addresses) {
    rests.push_back(std::make_unique<client::RestClient>(
        loop, client::RestOptions{address, target.host_header(), target.app_id, target.key,
                                  target.secret, std::chrono::seconds(30)}));
  }
  BenchPublisher publisher(loop, options, rests, all.channels);
  Audience audience(loop, all, workers,
                    [&publisher](std::uint64_t number) { publisher.on_complete(number); });
  BenchRun run(loop, options, audience, publisher);
  const auto signals =
      net::SignalWatch::open(loop, {SIGINT, SIGTERM}, [&run](int) { run.interrupt(); });
  run.start();
  loop.run();
  return run.print();
}

}  // namespace mr::cli
