#include "app/coordinated_order.h"

#include <array>
#include <chrono>
#include <utility>

namespace mr::app {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(100);
// For a first connection to come up.
constexpr base::Duration kFirst = std::chrono::seconds(2);
constexpr std::array kLatencyBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                       0.005,  0.01,    0.025,  0.05,  0.1};

}  // namespace

CoordinatedOrder::CoordinatedOrder(const Outside& outside, std::size_t loop)
    : runtime_(outside.runtime),
      index_(loop),
      loop_(outside.runtime.loop(loop)),
      log_(outside.log, "delta"),
      watch_(outside.watch),
      latency_(outside.registry.add_set().histogram(
          {"millrace_delta_cluster_coordination_latency_seconds",
           "Time to an answer of the common counter"},
          kLatencyBounds)),
      coordinator_(loop_, *this,
                   [&](cluster::CounterEvents& events) {
                     return outside.source.make_counter(loop_, outside.node, events);
                   }),
      is_suffixed_(coordinator_.backend() != "Redis") {}

void CoordinatedOrder::configure(const model::DeltaOptions& options) {
  if (!options.cluster_coordination) {
    coordinator_.stop();
    if (std::exchange(is_told_, false)) tell(false);
    return;
  }
  if (coordinator_.is_started()) return coordinator_.set_timeout(options.coordination_timeout);
  started_ = loop_.clock().now();
  coordinator_.start(options.coordination_timeout);
  if (!std::exchange(is_looking_, true)) look();
}

void CoordinatedOrder::order(const channel::OrderRequest& request,
                             base::Function<void(channel::Order)> answer) {
  if (!request.is_counted) return answer(channel::Order::kRelease);
  cluster::CounterKey key{std::string(request.app_id), std::string(request.channel),
                          std::string(request.conflation_key)};
  coordinator_.decide(
      std::move(key), request.interval,
      [answer = std::move(answer)](const cluster::Decision& decision) mutable {
        if (decision.is_local) return answer(channel::Order::kRelease);
        answer(decision.counted.is_full ? channel::Order::kFull : channel::Order::kDelta);
      });
}

void CoordinatedOrder::on_decided(const cluster::CountRequest& request,
                                  const cluster::Counted& counted) {
  const std::chrono::duration<double> passed = loop_.clock().now() - request.accepted;
  latency_.observe(passed.count());
  if (!log_.enabled(observability::Level::kDebug)) return;
  const std::string place = std::to_string(counted.place);
  const std::string interval = std::to_string(request.interval);
  std::string text = "Cluster coordination";
  if (is_suffixed_) text.append(" (").append(coordinator_.backend()).append(")");
  text += counted.is_full
              ? ": Full message triggered (count=" + place + ", interval=" + interval + ")"
              : ": Delta message (count=" + place + "/" + interval + ")";
  log_.debug(text, {{"backend", coordinator_.backend()},
                    {"app", request.key.app_id},
                    {"channel", request.key.channel},
                    {"key", request.key.conflation_key}});
}

void CoordinatedOrder::on_other_interval(const cluster::CountRequest& request,
                                         const cluster::Count& other) {
  log_.warn_limited(
      "another node has another full_message_interval for this channel; set the same on all",
      {{"other_node", other.node},
       {"its_interval", other.interval},
       {"interval", request.interval},
       {"app", request.key.app_id},
       {"channel", request.key.channel}});
}

void CoordinatedOrder::look() {
  if (!coordinator_.is_started()) {
    is_looking_ = false;
    return;
  }
  const bool is_up = coordinator_.is_up();
  const bool is_early = !is_told_ && !is_up && loop_.clock().now() - started_ < kFirst;
  if (!is_early && (!is_told_ || is_up != was_up_)) {
    is_told_ = true;
    was_up_ = is_up;
    tell(true);
  }
  loop_.after(kLook, [this] { look(); });
}

void CoordinatedOrder::tell(bool is_on) {
  CoordinationWatch::News news{is_on, is_on && was_up_, std::string(coordinator_.backend()), {}};
  if (!news.is_up) {
    news.why = coordinator_.problem().empty() ? "requests are not answered in time"
                                              : coordinator_.problem();
  }
  runtime_.control().post([&watch = watch_, index = index_, news = std::move(news)]() mutable {
    watch.take(index, std::move(news));
  });
}

void CoordinatedOrder::collect(std::vector<observability::GaugeSample>& out) const {
  using observability::SampleKind;
  if (!coordinator_.is_started()) return;
  const cluster::Coordinator::Counters& counters = coordinator_.counters();
  const auto add_decisions = [&out](const char* result, std::uint64_t count) {
    out.push_back({"millrace_delta_cluster_coordination_decisions_total",
                   "Messages that the common counter decided, by what it said",
                   {{"result", result}},
                   static_cast<double>(count),
                   SampleKind::kCounter});
  };
  add_decisions("full", counters.fulls);
  add_decisions("delta", counters.deltas);
  for (std::size_t i = 0; i < cluster::kFallbacks; ++i) {
    const auto reason = cluster::name_of(static_cast<cluster::Fallback>(i));
    out.push_back({"millrace_delta_cluster_coordination_fallbacks_total",
                   "Messages that were left to the node's own count, by reason",
                   {{"reason", std::string(reason)}},
                   static_cast<double>(counters.fallbacks[i]),
                   SampleKind::kCounter});
  }
}

}  // namespace mr::app
