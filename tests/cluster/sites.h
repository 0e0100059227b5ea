#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "cluster/batching_bus.h"
#include "cluster/control.h"
#include "cluster/memory/memory_broker.h"
#include "cluster/relay.h"
#include "net/sim/sim_network.h"
#include "net/sim/sim_runtime.h"

namespace mr::cluster::test {

inline constexpr std::uint32_t kPartitions = 4;

inline std::uint32_t partition_of(const std::string& channel) {
  return static_cast<std::uint32_t>(channel.back() - '0') % kPartitions;
}

// Its messages every node has in the broker's order.
inline bool is_ordered(const std::string& channel) { return channel.starts_with('o'); }

// What happened at one node, for the oracle.
struct Journal {
  struct Heard {
    std::uint64_t message = 0;
    BootId origin = BootId::kNone;
  };
  std::map<std::string, std::vector<Heard>> delivered;  // by channel, in order, own ones too
  std::map<std::string, std::uint64_t> missed;          // by channel, as told by origins
  std::set<std::uint32_t> unknown;                      // partitions with a gap that nobody knows
  std::map<std::string, base::TimePoint> wanted;        // when a subscriber came
  std::map<std::string, base::TimePoint> live;          // when it was confirmed
};

// The product's Control and Relays of one node on a stepped runtime, with a channel table in place
// of homes and hubs. Destroying it is a crash.
class Site final : public Relays {
 public:
  Site(net::sim::Sim& sim, net::sim::SimNetwork& network, memory::MemoryBroker& broker,
       std::string name, BootId boot, const BatchOptions& batches = {.is_on = false})
      : boot_(boot), name_(std::move(name)), runtime_(sim, network, {name_, 2}) {
    Options options;
    options.name = name_;
    options.partitions = kPartitions;
    options.linger = std::chrono::seconds(2);
    options.queue_bytes_max = 4096;
    options.batches = batches;
    options.ring_entries_max = 200;
    for (std::size_t i = 0; i < runtime_.loop_count(); ++i) {
      Lane& lane = lanes_.emplace_back(*this);
      lane.relay = std::make_unique<Relay>(runtime_.loop(i), options, boot, lane);
      auto bus = std::make_unique<BatchingBus>(runtime_.loop(i), options, boot, *lane.relay);
      bus->carry(broker.connect(runtime_.loop(i), name_, *bus));
      lane.bus = std::move(bus);
    }
    control_ = std::make_unique<Control>(runtime_.control(), options, boot, *this);
    bus_ = broker.connect(runtime_.control(), name_, *control_);
    registry_ = broker.registry(*bus_);
    for (Lane& lane : lanes_) lane.relay->start(*lane.bus);
    store_ = broker.store(runtime_.control(), name_);
    store_->start();
    control_->start(*bus_, *registry_, *store_);
  }
  ~Site() {
    store_->stop();
    control_->stop();
    for (Lane& lane : lanes_) lane.relay->stop();
  }

  BootId boot() const { return boot_; }
  const std::string& name() const { return name_; }
  Control& control() { return *control_; }
  Journal& journal() { return journal_; }
  bool is_frozen() const { return is_frozen_; }
  void set_frozen(bool frozen) {
    is_frozen_ = frozen;
    runtime_.set_frozen(frozen);
  }
  const Relay& relay(std::size_t loop) const { return *lanes_[loop].relay; }
  std::size_t loop_count() const { return lanes_.size(); }

  // Each on the channel's loop, a moment later.
  void subscribe(const std::string& channel) {
    post(channel, [this, channel](Relay& relay) {
      if (!asked_.insert(channel).second) return;
      relay.enter(partition_of(channel), [this, channel, &relay, wanted = now()] {
        relay.set_occupied(partition_of(channel), true);
        journal_.wanted[channel] = wanted;
        journal_.live[channel] = now();
      });
    });
  }
  void unsubscribe(const std::string& channel) {
    post(channel, [this, channel](Relay& relay) {
      if (asked_.erase(channel) == 0) return;
      relay.follow(partition_of(channel), [this, channel, &relay] {
        journal_.live.erase(channel);
        journal_.wanted.erase(channel);
        relay.set_occupied(partition_of(channel), false);
      });
    });
  }
  // `taken` runs when the node took the message, and with true when a publisher gets its 200.
  using Taken = base::Function<void(bool is_answered)>;
  void publish(const std::string& channel, std::uint64_t message, Taken taken) {
    auto shared = std::make_shared<Taken>(std::move(taken));
    post(channel, [this, channel, message, shared](Relay& relay) {
      EventMessage data;
      data.app_id = std::to_string(static_cast<std::uint64_t>(boot_));
      data.channel = channel;
      data.event = "e";
      data.data = std::to_string(message);
      (*shared)(!is_ordered(channel));
      if (is_ordered(channel)) {
        relay.publish(partition_of(channel), std::move(data),
                      [this, channel, message, shared](const auto& returned) {
                        if (!returned) return;
                        hear(channel, message, boot_);
                        (*shared)(true);
                      });
        return;
      }
      hear(channel, message, boot_);
      relay.publish(partition_of(channel), std::move(data));
    });
  }

  void each(base::Function<void(Relay&)> work, base::Task done) override {
    struct Count {
      base::Function<void(Relay&)> work;
      base::Task done;
      std::size_t missing;
    };
    auto count = std::make_shared<Count>(Count{std::move(work), std::move(done), lanes_.size()});
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      runtime_.loop(i).post([this, i, count] {
        count->work(*lanes_[i].relay);
        runtime_.control().post([count] {
          if (--count->missing == 0) count->done();
        });
      });
    }
  }
  void at(std::uint32_t partition, base::Function<void(Relay&)> work) override {
    const std::size_t loop = partition % lanes_.size();
    auto shared = std::make_shared<base::Function<void(Relay&)>>(std::move(work));
    runtime_.loop(loop).post([this, loop, shared] { (*shared)(*lanes_[loop].relay); });
  }
  void hand_out(std::vector<ForeignChange>) override {}
  void set_whole(bool) override {}
  void take(BroadcastMessage) override {}
  void gather_tails(base::Function<void(Tails)> done) override {
    auto all = std::make_shared<Tails>();
    auto shared = std::make_shared<base::Function<void(Tails)>>(std::move(done));
    each(
        [all](Relay& relay) {
          const Tails some = relay.tails();
          all->insert(all->end(), some.begin(), some.end());
        },
        [all, shared] { (*shared)(std::move(*all)); });
  }
  void obey(const Command&, base::Duration) override {}
  void advance_clocks(std::uint64_t) override {}
  void on_store_renewed() override {}

 private:
  struct Lane final : public RelayEvents {
    explicit Lane(Site& of) : site(of) {}
    Lane(Lane&&) = default;
    void on_message(BootId, EventMessage message) override {
      site.hear(message.channel, std::stoull(message.data),
                static_cast<BootId>(std::stoull(message.app_id)));
    }
    void on_gap(const GapReport& report) override {
      if (!report.is_known) site.journal_.unknown.insert(report.partition);
      for (const GapAnswer::Hit& hit : report.hits) {
        site.journal_.missed[hit.channel] += hit.count;
      }
    }
    Site& site;
    std::unique_ptr<Bus> bus;
    std::unique_ptr<Relay> relay;
  };

  base::TimePoint now() { return runtime_.control().clock().now(); }
  template <class Work>
  void post(const std::string& channel, Work work) {
    const std::size_t loop = partition_of(channel) % lanes_.size();
    runtime_.loop(loop).post([this, loop, work] { work(*lanes_[loop].relay); });
  }
  void hear(const std::string& channel, std::uint64_t message, BootId origin) {
    journal_.delivered[channel].push_back({message, origin});
  }

  const BootId boot_;
  const std::string name_;
  net::sim::SimRuntime runtime_;
  Journal journal_;
  std::set<std::string> asked_;  // channels with a subscriber, confirmed or not
  std::deque<Lane> lanes_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Bus> bus_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Store> store_;
  bool is_frozen_ = false;
};

}  // namespace mr::cluster::test
