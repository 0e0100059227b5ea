#include "app/node.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/samples.h"

namespace mr::app {
namespace {

constexpr base::Duration kBeat = std::chrono::seconds(1);
constexpr base::Duration kJoinLook = std::chrono::milliseconds(10);
constexpr base::Duration kDrainLook = std::chrono::milliseconds(50);
// Past the window: clients that do not answer the close frame, requests that hang.
constexpr base::Duration kDrainGrace = std::chrono::milliseconds(1500);
// A scrape does not wait for a loop that hangs.
constexpr base::Duration kCollectTimeout = std::chrono::seconds(1);

std::vector<std::string> ids_of(const std::vector<model::AppOptions>& apps) {
  std::vector<std::string> ids;
  for (const model::AppOptions& app : apps) ids.push_back(app.id);
  return ids;
}

}  // namespace

Node::Node(config::Settings settings, net::Runtime& runtime, observability::Log& log, Given given)
    : settings_(std::move(settings)),
      runtime_(runtime),
      log_(log),
      logger_(log, "node"),
      pulse_(runtime.control().clock(), runtime.loop_count()),
      registry_(settings_.metrics.prefix),
      apps_(settings_.apps),
      delta_plan_(DeltaPlan::make(settings_.delta, ids_of(settings_.apps), nullptr)),
      coordination_watch_(log, runtime.loop_count()),
      coordination_(coordination_of(given)),
      shared_{settings_,
              runtime,
              apps_,
              given.order == nullptr ? local_order_ : *given.order,
              coordination_ ? &*coordination_ : nullptr,
              delta_plan_,
              log,
              pulse_,
              *this,
              registry_,
              {}} {
  for (std::size_t i = 0; i < runtime_.loop_count(); ++i) {
    loops_.push_back(std::make_unique<LoopParts>(shared_, i));
  }
  if (given.buses != nullptr) {
    std::vector<LoopEnd> ends;
    for (const auto& parts : loops_) ends.push_back(parts->end());
    cluster_ = std::make_unique<ClusterLink>(
        settings_.cluster,
        ClusterLink::Outside{runtime_, apps_, *given.buses, log_, settings_.channel}, ends);
    cluster_admin_ =
        std::make_unique<ClusterAdmin>(runtime_.control(), settings_, *given.buses, *cluster_);
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      loops_[i]->set_other_nodes(cluster_->other_nodes(i));
      loops_[i]->set_shared_quota(cluster_->shared_quota(i));
    }
  }
  std::vector<channel::Subscribers*> subscribers;
  for (const auto& parts : loops_) {
    shared_.peers.loops.push_back(parts->homed());
    subscribers.push_back(&shared_.peers.loops.back().subscribers);
  }
  for (const auto& parts : loops_) parts->set_subscribers(subscribers);
}

Node::~Node() = default;

std::optional<CoordinatedOrder::Outside> Node::coordination_of(const Given& given) {
  if (given.buses == nullptr || given.order != nullptr) return std::nullopt;
  return CoordinatedOrder::Outside{runtime_,  *given.buses,        log_,
                                   registry_, coordination_watch_, settings_.cluster.name};
}

base::Result<base::Done, net::NetErrc> Node::start() {
  net::Address address{settings_.host, settings_.port};
  for (const auto& parts : loops_) {
    auto listener = parts->listen(address);
    if (!listener) return listener.error();
    address.port = parts->port();  // the first loop's choice when the port was 0
  }
  port_ = address.port;
  if (settings_.metrics.enabled) {
    api::AdminSources sources = admin_sources(shared_);
    sources.cluster = cluster_admin_.get();
    metrics_ = std::make_unique<MetricsListener>(runtime_.control(), settings_.http, sources,
                                                 admin_options(settings_, api::Listener::kMetrics));
    auto listening = metrics_->listen({settings_.metrics.host, settings_.metrics.port});
    if (!listening) return listening.error();
    metrics_port_ = metrics_->port();
  }
  for (std::size_t i = 0; i < loops_.size(); ++i) beat(i);
  if (settings_.development) {
    apps_.find_by_id(settings_.apps.front().id, [this](model::AppRef app) {
      market_ = std::make_unique<DevelopmentMarket>(runtime_.loop(0), loops_[0]->exchange(),
                                                    std::move(app));
      market_->start();
    });
  }
  if (cluster_) start_cluster();
  begin_serving();
  logger_.info("listening", {{"host", settings_.host},
                             {"port", port_},
                             {"metrics_port", metrics_port_},
                             {"loops", loops_.size()},
                             {"apps", settings_.apps.size()}});
  return base::Done{};
}

// In a cluster it is ready when it has joined.
void Node::begin_serving() {
  if (is_draining()) return;
  if (!cluster_ || cluster_->has_joined()) {
    pulse_.set_state(observability::NodeState::kReady);
    return;
  }
  runtime_.control().after(kJoinLook, [this] { begin_serving(); });
}

void Node::start_cluster() {
  describe();
  cluster_->start([this](const char* problem, bool is_refusing) {
    pulse_.set_problem(problem, is_refusing);
    describe();
  });
  meter_ = std::make_unique<LoadMeter>(
      runtime_,
      [this](std::size_t loop) {
        LoadMeter::LoopFigures figures = loops_[loop]->load_figures();
        figures.queued_bytes += cluster_->queued_bytes(loop);
        return figures;
      },
      [this](const cluster::NodeLoad& load) {
        load_ = load;
        describe();
      });
  meter_->start();
}

// What other nodes are told of this one.
void Node::describe() {
  if (!cluster_) return;
  using observability::NodeState;
  cluster::NodeFacts facts = settings_.cluster.facts;
  if (facts.port == 0) facts.port = port_;
  std::string_view status = "healthy";
  if (is_draining()) {
    status = "draining";
  } else if (pulse_.health().state == NodeState::kDegraded) {
    status = "degraded";
  }
  cluster_->describe(status, facts, load_);
}

void Node::leave_cluster() {
  if (!cluster_) return drained_();
  cluster_->leave([this] { drained_(); });
}

void Node::change_deltas(model::DeltaSettings settings) {
  delta_plan_ = DeltaPlan::make(std::move(settings), ids_of(settings_.apps), delta_plan_.get());
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, plan = delta_plan_] { loops_[i]->change_deltas(plan); });
  }
}

void Node::beat(std::size_t loop) {
  pulse_.beat(loop);
  if (loop == 0) tell_refusals();
  runtime_.loop(loop).after(kBeat, [this, loop] { beat(loop); });
}

void Node::tell_refusals() {
  std::uint64_t refused = 0;
  for (const net::LoopStats* stats : runtime_.stats()) {
    constexpr auto kReason = static_cast<std::size_t>(net::AcceptError::kDescriptorLimit);
    refused += stats->accept_errors[kReason].value();
  }
  if (refused == refusals_told_) return;
  logger_.warn_limited("connections refused, no descriptors are left",
                       {{"refused", refused - refusals_told_}});
  refusals_told_ = refused;
}

void Node::begin_drain(base::Task done) {
  drained_ = std::move(done);
  pulse_.set_state(observability::NodeState::kDraining);
  describe();
  // Nobody waits for a development node.
  const base::Duration window =
      settings_.development ? std::min<base::Duration>(settings_.shutdown_grace_period, kDrainLook)
                            : settings_.shutdown_grace_period;
  logger_.info("draining", {{"window_ms", window / std::chrono::milliseconds(1)}});
  drain_end_ = runtime_.control().clock().now() + window;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, window] { loops_[i]->begin_drain(window); });
  }
  runtime_.control().after(window, [this] { wait_for_sessions(); });
}

void Node::sum_of_loops(base::Function<std::size_t(const LoopParts&)> count,
                        base::Function<void(std::size_t)> done) {
  struct Sum {
    base::Function<std::size_t(const LoopParts&)> count;
    base::Function<void(std::size_t)> done;
    std::size_t total = 0;
    std::size_t missing = 0;
  };
  auto sum = std::make_shared<Sum>();
  sum->count = std::move(count);
  sum->done = std::move(done);
  sum->missing = loops_.size();
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, sum] {
      const std::size_t counted = sum->count(*loops_[i]);
      runtime_.control().post([sum, counted] {
        sum->total += counted;
        if (--sum->missing == 0) sum->done(sum->total);
      });
    });
  }
}

void Node::wait_for_sessions() {
  sum_of_loops([](const LoopParts& parts) { return parts.session_count(); },
               [this](std::size_t sessions) {
                 const bool is_late = runtime_.control().clock().now() > drain_end_ + kDrainGrace;
                 if (sessions != 0 && !is_late) {
                   runtime_.control().after(kDrainLook, [this] { wait_for_sessions(); });
                   return;
                 }
                 for (std::size_t i = 0; i < loops_.size(); ++i) {
                   runtime_.loop(i).post([this, i] { loops_[i]->end_drain(); });
                 }
                 wait_for_requests();
               });
}

void Node::wait_for_requests() {
  sum_of_loops([](const LoopParts& parts) { return parts.open_requests(); },
               [this](std::size_t requests) {
                 const bool is_late = runtime_.control().clock().now() > drain_end_ + kDrainGrace;
                 if (requests != 0 && !is_late) {
                   runtime_.control().after(kDrainLook, [this] { wait_for_requests(); });
                   return;
                 }
                 logger_.info("drained", {{"requests_cut", requests}});
                 leave_cluster();
               });
}

void Node::collect(Gathered done) {
  // One answer per loop, or what came within the time-out; the asking loop is the control loop.
  struct Scrape {
    Gathered done;
    std::vector<observability::GaugeSample> samples;
    std::size_t missing = 0;
    void finish() {
      if (done) std::exchange(done, {})(std::move(samples));
    }
  };
  auto scrape = std::make_shared<Scrape>();
  scrape->done = std::move(done);
  scrape->missing = loops_.size();
  add_loop_samples(runtime_.stats(), scrape->samples);
  if (cluster_) cluster_->collect_control(scrape->samples);
  coordination_watch_.collect(scrape->samples);
  net::Loop& asking = runtime_.control();
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, scrape, &asking] {
      std::vector<observability::GaugeSample> samples;
      loops_[i]->collect(samples);
      if (cluster_) cluster_->collect(i, samples);
      asking.post([scrape, samples = std::move(samples)] {
        scrape->samples.insert(scrape->samples.end(), samples.begin(), samples.end());
        if (--scrape->missing == 0) scrape->finish();
      });
    });
  }
  asking.after(kCollectTimeout, [scrape] { scrape->finish(); });
}

}  // namespace mr::app
