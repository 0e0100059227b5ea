#include "app/shared_limits.h"

#include <utility>

#include "cluster/record_words.h"

namespace mr::app {
namespace {

constexpr std::size_t kAppsMax = 100;  // told apart in metrics; the others are one sum

using Samples = std::vector<observability::GaugeSample>;
using observability::SampleKind;

}  // namespace

// One loop's way to the control loop and back.
class SharedLimits::LoopQuota final : public channel::SharedQuota {
 public:
  LoopQuota(net::Loop& loop, net::Loop& control, cluster::Quotas& quotas)
      : loop_(loop), control_(control), quotas_(quotas) {}

  void acquire(std::string name, std::uint32_t limit, base::Function<void(bool)> done) override {
    control_.post([this, name = std::move(name), limit, done = std::move(done)]() mutable {
      quotas_.acquire(name, limit, [this, done = std::move(done)](bool is_granted) mutable {
        loop_.post([done = std::move(done), is_granted]() mutable { done(is_granted); });
      });
    });
  }
  void release(std::string name) override {
    control_.post([this, name = std::move(name)] { quotas_.release(name); });
  }

 private:
  net::Loop& loop_;
  net::Loop& control_;
  cluster::Quotas& quotas_;
};

SharedLimits::SharedLimits(net::Runtime& runtime, cluster::Store& store, cluster::BootId boot,
                           const cluster::Options& options, observability::Log& log)
    : wished_name_(options.name),
      logger_(log, "cluster"),
      registration_(runtime.control(), store, boot, {options.name, options.node_timeout}, *this),
      quotas_(runtime.control(), store, registration_,
              {options.node_timeout, !options.refuses_without_store}) {
  for (std::size_t i = 0; i < runtime.loop_count(); ++i) {
    loops_.push_back(std::make_unique<LoopQuota>(runtime.loop(i), runtime.control(), quotas_));
  }
}

SharedLimits::~SharedLimits() {
  quotas_.stop();
  registration_.stop();
}

channel::SharedQuota& SharedLimits::of_loop(std::size_t loop) { return *loops_[loop]; }

void SharedLimits::start(OnName on_name) {
  on_name_ = std::move(on_name);
  registration_.start();
  quotas_.start();
}

void SharedLimits::on_registered() {
  const bool is_first = registration_.counters().registrations == 1;
  if (!is_first) {
    logger_.warn("registered again, this node was away",
                 {{"node", registration_.name()}, {"epoch", registration_.epoch()}});
  }
  quotas_.on_registered();
}

void SharedLimits::on_node(Change change, const cluster::RollLine& line) {
  if (change != Change::kDied) return;
  logger_.info("registration buried, what the node held is free",
               {{"node", line.name}, {"epoch", line.epoch}});
}

void SharedLimits::on_name(const std::string& name) {
  if (name == wished_name_) {
    logger_.info("this node has its name now", {{"node", name}});
  } else {
    logger_.warn("another node has this name; set node.id to one of its own",
                 {{"wished", wished_name_}, {"node", name}});
  }
  on_name_(name);
}

void SharedLimits::collect(Samples& out) const {
  const auto add = [&out](const char* name, const char* help, observability::Labels labels,
                          double value, SampleKind kind) {
    out.push_back({name, help, std::move(labels), value, kind});
  };
  const auto add_use = [&add](const std::string& app, const cluster::Quotas::Use& use) {
    add("millrace_quota_used", "Clients of this node under a limit that nodes share",
        {{"app_id", app}}, use.used, SampleKind::kGauge);
    add("millrace_quota_held", "What this node may admit of that limit", {{"app_id", app}},
        use.slice, SampleKind::kGauge);
  };
  cluster::Quotas::Use others;
  std::size_t apps = 0;
  for (const cluster::Quotas::Use& use : quotas_.uses()) {
    if (use.scope == "user:") {
      add_use("(users)", use);
    } else if (++apps <= kAppsMax) {
      add_use(use.scope.substr(std::string_view("app:").size()), use);
    } else {
      others.used += use.used;
      others.slice += use.slice;
    }
  }
  if (apps > kAppsMax) add_use("(others)", others);
  const cluster::QuotaCounters& c = quotas_.counters();
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  add("millrace_quota_waits_total", "Clients that waited for a slice of a shared limit", {},
      count(c.waits), SampleKind::kCounter);
  const auto add_refusals = [&](const char* reason, std::uint64_t number) {
    add("millrace_quota_refusals_total", "Clients that a shared limit kept out, by reason",
        {{"reason", reason}}, count(number), SampleKind::kCounter);
  };
  add_refusals("limit", c.refused_limit);
  add_refusals("store", c.refused_store);
  add("millrace_registrations_total", "Registrations of this node in the broker's store", {},
      count(registration_.counters().registrations), SampleKind::kCounter);
  add("millrace_registration_valid", "1 while no other node can have buried this one", {},
      registration_.is_valid() ? 1 : 0, SampleKind::kGauge);
}

}  // namespace mr::app
