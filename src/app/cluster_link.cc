#include "app/cluster_link.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "app/loop_state.h"
#include "app/samples.h"
#include "app/store_samples.h"
#include "cluster/batching_bus.h"

namespace mr::app {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(250);

constexpr const char* kNoBroker = "the broker does not answer; only this node's clients are served";
constexpr const char* kRefusing =
    "the broker does not answer; publishes and subscriptions are refused";
constexpr const char* kDeaf = "some bus partitions do not hear other nodes; subscribing again";

cluster::BootId random_boot(base::Random& random) {
  for (;;) {
    if (const std::uint64_t number = random.next(); number != 0) return cluster::BootId{number};
  }
}

cluster::EventMessage message_of(const channel::Publish& publish) {
  cluster::EventMessage message;
  message.app_id = publish.app->options.id;
  message.channel = publish.channel.text();
  message.event = publish.event;
  message.data = publish.data;
  message.except = publish.except;
  message.user_id = publish.user_id;
  message.is_client_event = publish.is_client_event;
  message.conflation_key = publish.conflation_key;
  message.delta = publish.delta;
  message.tags = publish.tags;
  message.except_node = publish.except_node;
  message.priority = publish.priority;
  message.verdict = publish.verdict;
  message.cache_time = publish.version.time;
  return message;
}

}  // namespace

// One loop's: what its home needs of other nodes, and what they send it.
class ClusterLink::LoopLink final : public channel::OtherNodes, public cluster::RelayEvents {
 public:
  LoopLink(ClusterLink& link, net::Loop& loop, cluster::BootId boot, const Outside& outside,
           const LoopEnd& end)
      : link_(link),
        apps_(outside.apps),
        boot_(boot),
        loop_(loop),
        home_(end.home),
        fan_out_(end.fan_out),
        subscribers_(end.subscribers),
        relay_(loop, link.options_, boot, *this),
        bus_(loop, relay_, link.options_.secret),
        store_(outside.source.make_store(loop)),
        state_({loop, boot, relay_, *store_}, link.options_, outside.limits,
               [&link](const std::string& app_id, const std::string& user_id) {
                 link.terminate(app_id, user_id);
               }) {
    auto batches = std::make_unique<cluster::BatchingBus>(loop, link.options_, boot, bus_);
    batches->carry(outside.source.make_bus(loop, *batches));
    bus_.carry(std::move(batches));
  }

  void start() {
    store_->start();
    relay_.start(bus_);
  }
  void stop() {
    relay_.stop();
    store_->stop();
  }
  const cluster::Store& store() const { return *store_; }
  LoopState& state() { return state_; }
  const LoopState& state() const { return state_; }
  cluster::Relay& relay() { return relay_; }
  const cluster::Relay& relay() const { return relay_; }
  BusTap& tap() { return bus_; }
  const BusTap& tap() const { return bus_; }
  std::uint64_t unknown_apps() const { return unknown_apps_; }
  std::uint64_t unread() const { return unread_; }

  void enter(std::uint32_t partition, base::Task join) override {
    relay_.enter(partition, std::move(join));
  }
  void follow(std::uint32_t partition, base::Task task) override {
    relay_.follow(partition, std::move(task));
  }
  void occupy(std::uint32_t partition) override { relay_.set_occupied(partition, true); }
  void vacate(std::uint32_t partition) override { relay_.set_occupied(partition, false); }
  std::uint64_t send(std::uint32_t partition, const channel::Publish& publish) override {
    return relay_.publish(partition, message_of(publish));
  }
  void send_ordered(std::uint32_t partition, channel::Publish&& publish,
                    base::Function<void(channel::Released)> done) override {
    const auto missed =
        relay_.may_send() ? channel::PublishStatus::kUnanswered : channel::PublishStatus::kCutOff;
    relay_.publish(partition, message_of(publish),
                   [this, missed, channel = publish.channel.text(),
                    done = std::move(done)](std::optional<cluster::EventMessage> message) mutable {
                     if (!message) return done({missed, {std::move(channel)}});
                     deliver(boot_, *std::move(message), std::move(done));
                   });
  }
  void broadcast(const std::string& app_id, const channel::BroadcastEvent& event) override {
    link_.broadcast(app_id, event);
  }
  channel::Reach reach() const override {
    if (relay_.may_send()) return channel::Reach::kAll;
    return link_.options_.refuses_cut_off ? channel::Reach::kNone : channel::Reach::kHere;
  }
  channel::SharedState& shared() override { return state_; }
  void share(const channel::ShareChange& change) override { link_.share(change); }
  bool are_there() const override { return true; }
  bool are_known() const override { return are_known_; }
  void set_known(bool are_known) { are_known_ = are_known; }
  void take(const channel::ForeignNews& news) { home_.take(news); }
  channel::FanOut& fan_out() { return fan_out_; }

  void on_message(cluster::BootId from, cluster::EventMessage message) override {
    deliver(from, std::move(message), {});
  }
  void on_refused(const base::Error<cluster::EnvelopeErrc>& why) override { link_.on_refused(why); }
  void on_gap(const cluster::GapReport& report) override {
    if (!report.is_known) fan_out_.tell_gap({report.partition, {}, std::nullopt, report.found});
    for (const cluster::GapAnswer::Hit& hit : report.hits) {
      fan_out_.tell_gap(
          {report.partition, model::channel_key(hit.app_id, hit.channel), hit.count, report.found});
    }
  }

  // What was there `age` ago; a newer one may have come within the clocks' difference.
  void obey(const cluster::Command& command, base::Duration age) {
    const base::TimePoint now = loop_.clock().now();
    subscribers_.terminate_user(command.app_id, command.user_id,
                                now - age + cluster::CommandLog::kSlack);
  }

  void write_back() { home_.cached().write_back(); }
  void on_up() override { write_back(); }
  void on_doubt(std::uint32_t partition) override { home_.cached().reads().read_again(partition); }
  void before_mark(std::uint32_t partition, base::Task mark) override {
    state_.records().when_saved(partition, std::move(mark));
  }

 private:
  // `done`: of a message of this node that came back.
  void deliver(cluster::BootId from, cluster::EventMessage message,
               base::Function<void(channel::Released)> done) {
    auto channel = model::ChannelName::parse(message.channel, message.channel.size());
    if (!channel) {
      ++unread_;
      return;
    }
    const channel::CacheVersion version = state_.version_of(from, message);
    channel::Publish publish{{},
                             std::move(channel).value(),
                             std::move(message.event),
                             std::move(message.data),
                             message.except,
                             std::move(message.user_id),
                             message.is_client_event};
    publish.conflation_key = std::move(message.conflation_key);
    publish.delta = message.delta;
    publish.tags = std::move(message.tags);
    publish.except_node = std::move(message.except_node);
    publish.priority = message.priority;
    publish.is_remote = true;
    publish.verdict = message.verdict;
    publish.is_returned = from == boot_;
    publish.version = version;
    if (!done) done = [](const channel::Released&) {};
    apps_.find_by_id(message.app_id, [this, publish = std::move(publish),
                                      done = std::move(done)](model::AppRef app) mutable {
      if (!app) {
        ++unknown_apps_;
        return done({});
      }
      publish.app = std::move(app);
      home_.publish(std::move(publish), std::move(done));
    });
  }

  ClusterLink& link_;
  model::AppStore& apps_;
  const cluster::BootId boot_;
  net::Loop& loop_;
  channel::Home& home_;
  channel::FanOut& fan_out_;
  channel::Subscribers& subscribers_;
  bool are_known_ = true;
  cluster::Relay relay_;
  BusTap bus_;
  std::unique_ptr<cluster::Store> store_;
  LoopState state_;
  std::uint64_t unknown_apps_ = 0;
  std::uint64_t unread_ = 0;
};

ClusterLink::ClusterLink(const cluster::Options& options, Outside outside,
                         const std::vector<LoopEnd>& ends)
    : runtime_(outside.runtime), options_(options), logger_(outside.log, "cluster") {
  net::Loop& control = runtime_.control();
  const cluster::BootId boot = random_boot(control.random());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    loops_.push_back(std::make_unique<LoopLink>(*this, runtime_.loop(i), boot, outside, ends[i]));
  }
  control_ = std::make_unique<cluster::Control>(control, options_, boot, *this);
  news_ = std::make_unique<cluster::NodeNews>(boot);
  bus_ = std::make_unique<BusTap>(control, *control_, options_.secret);
  auto batches = std::make_unique<cluster::BatchingBus>(control, options_, boot, *bus_);
  batches->carry(outside.source.make_bus(control, *batches));
  registry_ = outside.source.make_registry(control, batches->bus());
  bus_->carry(std::move(batches));
  store_ = outside.source.make_store(control);
  limits_ = std::make_unique<SharedLimits>(runtime_, *store_, boot, options_, outside.log);
}

ClusterLink::~ClusterLink() {
  control_->stop();
  limits_.reset();
  store_->stop();
  for (const auto& loop : loops_) loop->stop();
}

channel::OtherNodes& ClusterLink::other_nodes(std::size_t loop) { return *loops_[loop]; }

void ClusterLink::start(base::Function<void(const char*, bool)> on_problem) {
  on_problem_ = std::move(on_problem);
  for (const auto& loop : loops_) loop->start();
  store_->start();
  control_->start(*bus_, *registry_, *store_);
  limits_->start([this](const std::string& name) { control_->set_name(name); });
  watch();
}

// --- what is wrong -----------------------------------------------------------------------------

void ClusterLink::watch() {
  auto are_well = std::make_shared<bool>(true);
  ask_all([](cluster::Relay& relay) { return relay.state(); },
          [are_well](const cluster::RelayState& state) {
            *are_well = *are_well && state.is_up && !state.is_deaf;
          },
          [this, are_well] {
            judge(*are_well);
            tell_news();
            runtime_.control().after(kLook, [this] { watch(); });
          });
}

void ClusterLink::judge(bool are_relays_well) {
  const char* now = nullptr;
  if (!control_->is_heard()) {
    now = options_.refuses_cut_off ? kRefusing : kNoBroker;
  } else if (!are_relays_well) {
    now = kDeaf;
  }
  if (now == problem_) return;
  problem_ = now;
  const std::string& why = broker_problem();
  if (now == nullptr) {
    logger_.info("the cluster is whole");
  } else if (now != kDeaf) {
    logger_.warn("the broker does not answer", {{"reason", why}});
  } else {
    logger_.warn("bus partitions do not hear other nodes");
  }
  on_problem_(now, now == kRefusing);
}

void ClusterLink::tell_news() {
  using Kind = cluster::NodeChange::Kind;
  for (const cluster::NodeChange& change : news_->look(control_->table().lines())) {
    const cluster::NodeLine& line = change.line;
    const std::string address = line.facts.address + ":" + std::to_string(line.facts.port);
    switch (change.kind) {
      case Kind::kJoined:
        logger_.info("node joined", {{"node", line.name},
                                     {"boot", cluster::to_text(line.boot)},
                                     {"status", line.status},
                                     {"address", address},
                                     {"region", line.facts.region},
                                     {"version", line.facts.version}});
        break;
      case Kind::kLeft:
        logger_.info("node left", {{"node", line.name}, {"boot", cluster::to_text(line.boot)}});
        break;
      case Kind::kSilent:
        logger_.warn("node is silent, its clients are taken for gone",
                     {{"node", line.name}, {"boot", cluster::to_text(line.boot)}});
        break;
      case Kind::kUpdated:
        logger_.info("node changed", {{"node", line.name},
                                      {"boot", cluster::to_text(line.boot)},
                                      {"status", line.status},
                                      {"address", address}});
        break;
    }
  }
}

// --- for operators
// -------------------------------------------------------------------------------

const std::string& ClusterLink::broker_problem() const {
  return control_->problem().empty() ? registry_->problem() : control_->problem();
}

void ClusterLink::ask_buses(base::Function<void(std::vector<LoopBus>)> done) {
  auto all = std::make_shared<std::vector<LoopBus>>();
  ask_all([](cluster::Relay& relay) { return LoopBus{relay.state(), relay.counters()}; },
          [all](const LoopBus& bus) { all->push_back(bus); },
          [all, done = std::move(done)]() mutable { done(std::move(*all)); });
}

void ClusterLink::look_at_envelopes(const TailFilter& filter,
                                    base::Function<void(BusTap::Seen)> done) {
  struct Look {
    base::Function<void(BusTap::Seen)> done;
    BusTap::Seen all;
    std::size_t missing;
  };
  auto look = std::make_shared<Look>(Look{std::move(done), bus_->look(filter), loops_.size()});
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, look, filter] {
      runtime_.control().post([look, seen = loops_[i]->tap().look(filter)]() mutable {
        std::ranges::move(seen.lines, std::back_inserter(look->all.lines));
        look->all.skipped += seen.skipped;
        if (--look->missing == 0) look->done(std::move(look->all));
      });
    });
  }
}

// --- to the Relays, from the control loop
// --------------------------------------------------------

// `work` on each loop, at the same time; its results on the control loop, and `done` after the
// last.
template <class Work, class Take>
void ClusterLink::ask_all(Work work, Take take, base::Task done) {
  struct Answers {
    Take take;
    base::Task done;
    std::size_t missing;
  };
  auto answers =
      std::make_shared<Answers>(Answers{std::move(take), std::move(done), loops_.size()});
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, work, answers] {
      runtime_.control().post([result = work(loops_[i]->relay()), answers] {
        answers->take(result);
        if (--answers->missing == 0) answers->done();
      });
    });
  }
}

void ClusterLink::each(base::Function<void(cluster::Relay&)> work, base::Task done) {
  auto shared = std::make_shared<base::Function<void(cluster::Relay&)>>(std::move(work));
  ask_all(
      [shared](cluster::Relay& relay) {
        (*shared)(relay);
        return true;
      },
      [](bool) {}, std::move(done));
}

void ClusterLink::at(std::uint32_t partition, base::Function<void(cluster::Relay&)> work) {
  const std::size_t loop = partition % loops_.size();
  runtime_.loop(loop).post(
      [this, loop, work = std::move(work)]() mutable { work(loops_[loop]->relay()); });
}

void ClusterLink::gather_tails(base::Function<void(cluster::Tails)> done) {
  auto all = std::make_shared<cluster::Tails>();
  ask_all([](cluster::Relay& relay) { return relay.tails(); },
          [all](const cluster::Tails& some) { all->insert(all->end(), some.begin(), some.end()); },
          [all, done = std::move(done)]() mutable { done(std::move(*all)); });
}

// One line a second at most: anybody who may publish there can cause it.
void ClusterLink::on_refused(const base::Error<cluster::EnvelopeErrc>& why) {
  logger_.warn_limited("an envelope was refused",
                       {{"reason", cluster::name_of(why.code)}, {"detail", why.detail}});
}

// --- what nodes hold -----------------------------------------------------------------------------

// From a home, on its loop.
void ClusterLink::share(const channel::ShareChange& change) {
  if (change.user == nullptr) {
    runtime_.control().post(
        [this, count = cluster::ShareCount{change.app_id, change.channel, change.subscriptions}] {
          control_->share(count);
        });
    return;
  }
  const pusher::Member& member = *change.user;
  runtime_.control().post(
      [this, user = cluster::ShareUser{change.app_id, change.channel, member.user_id,
                                       member.user_id_json, member.user_info_json,
                                       change.is_here}] { control_->share(user); });
}

void ClusterLink::hand_out(std::vector<cluster::ForeignChange> changes) {
  for (cluster::ForeignChange& change : changes) {
    channel::ForeignNews news{
        std::move(change.app_id), std::move(change.channel), change.subscriptions, {}};
    for (cluster::ShareUser& user : change.users) {
      news.users.push_back(
          {{std::move(user.user_id_json), std::move(user.user_id), std::move(user.user_info_json)},
           user.is_here});
    }
    const std::size_t loop =
        channel::bus_partition(news.app_id, news.channel, options_.partitions) % loops_.size();
    runtime_.loop(loop).post([this, loop, news = std::move(news)] { loops_[loop]->take(news); });
  }
}

// From a home, on its loop.
void ClusterLink::broadcast(const std::string& app_id, const channel::BroadcastEvent& event) {
  cluster::BroadcastMessage message;
  message.app_id = app_id;
  message.event = event.event;
  message.data = event.data;
  message.except = event.except;
  message.except_node = event.except_node;
  message.priority = event.priority;
  runtime_.control().post(
      [this, message = std::move(message)]() mutable { control_->broadcast(std::move(message)); });
}

void ClusterLink::take(cluster::BroadcastMessage message) {
  channel::BroadcastEvent event{std::move(message.event), std::move(message.data), message.except,
                                std::move(message.except_node), message.priority};
  runtime_.loop(0).post([this, app_id = std::move(message.app_id), event = std::move(event)] {
    loops_[0]->fan_out().broadcast(app_id, event);
  });
}

void ClusterLink::set_whole(bool is_whole) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, is_whole] { loops_[i]->set_known(is_whole); });
  }
}

// --- what operators order
// ------------------------------------------------------------------------

// From a home, on its loop.
void ClusterLink::terminate(const std::string& app_id, const std::string& user_id) {
  runtime_.control().post([this, app_id, user_id] { control_->terminate_user(app_id, user_id); });
}

void ClusterLink::obey(const cluster::Command& command, base::Duration age) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, command, age] { loops_[i]->obey(command, age); });
  }
}

void ClusterLink::on_store_renewed() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i] { loops_[i]->write_back(); });
  }
}

void ClusterLink::advance_clocks(std::uint64_t time) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    runtime_.loop(i).post([this, i, time] { loops_[i]->state().clock().observe(time); });
  }
}

// --- metrics -----------------------------------------------------------------------------------

std::size_t ClusterLink::queued_bytes(std::size_t loop) const {
  return loops_[loop]->relay().state().queued_bytes;
}

void ClusterLink::collect(std::size_t loop, std::vector<observability::GaugeSample>& out) const {
  const LoopLink& link = *loops_[loop];
  add_relay_samples(link.relay(), {link.unknown_apps(), link.unread()}, out);
  add_bus_samples(link.tap(), out);
  add_state_samples(link.state(), out);
  add_store_samples(link.store(), out);
}

void ClusterLink::collect_control(std::vector<observability::GaugeSample>& out) const {
  limits_->collect(out);
  add_control_samples(*control_, out);
  add_bus_samples(*bus_, out);
  add_store_samples(*store_, out);
  add_news_samples(news_->counters(), out);
}

}  // namespace mr::app
