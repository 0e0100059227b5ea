#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cluster/memory/memory_broker.h"

namespace mr::cluster::memory {

// One loop's connection, and the next one when it breaks.
class MemoryBus final : public Bus {
 public:
  MemoryBus(MemoryBroker& broker, net::Loop& loop, std::string node, BusEvents& events)
      : broker_(broker), loop_(loop), node_(std::move(node)), events_(events) {}
  ~MemoryBus() override { stop(); }

  void start() override { tick(); }
  void stop() override {
    loop_.cancel(timer_);
    timer_ = net::TimerId::kNone;
    close();
  }
  void subscribe(Subject subject, Generation generation) override {
    if (!is_open_) return;
    up([&broker = broker_, connection = connection_, subject, generation] {
      if (std::ranges::find(connection->subjects, subject) == connection->subjects.end()) {
        connection->subjects.push_back(subject);
      }
      down(broker, connection, [subject, generation](MemoryBus& bus) {
        bus.events_.on_subscribed(subject, generation);
      });
    });
  }
  void unsubscribe(Subject subject) override {
    if (!is_open_) return;
    up([connection = connection_, subject] { std::erase(connection->subjects, subject); });
  }
  bool publish(Subject subject, std::string_view envelope) override {
    if (!is_open_) return false;
    up([&broker = broker_, connection = connection_, subject, text = std::string(envelope)] {
      broker.take(connection, subject, text);
    });
    return true;
  }
  void flush() override {}
  std::size_t queued_bytes() const override { return 0; }

 private:
  static constexpr base::Duration kTick = std::chrono::milliseconds(250);
  static constexpr base::Duration kPing = std::chrono::seconds(1);
  static constexpr base::Duration kSilence = std::chrono::seconds(2);

  friend class MemoryBroker;
  friend class MemoryStore;

  // Runs at the broker, if it still has this connection then.
  void up(base::Task work) { broker_.send(connection_, MemoryBroker::Way::kUp, std::move(work)); }
  // Runs here, if this is still our connection then.
  template <class Work>
  static void down(MemoryBroker& broker, const MemoryBroker::ConnectionRef& connection, Work work) {
    broker.send(connection, MemoryBroker::Way::kDown, [connection, work = std::move(work)] {
      if (connection->bus == nullptr) return;
      connection->bus->loop_.post([connection, work] {
        if (connection->bus == nullptr) return;
        connection->bus->heard_ = connection->bus->loop_.clock().now();
        work(*connection->bus);
      });
    });
  }

  void tick() {
    timer_ = loop_.after(kTick, [this] { tick(); });
    const base::TimePoint now = loop_.clock().now();
    if (!connection_) {
      if (now >= redial_) dial(now);
      return;
    }
    // Paused is who ticks late: not the broker was silent.
    if (now - ticked_ > 2 * kTick) heard_ = now;
    ticked_ = now;
    if (now - heard_ >= kSilence) return lose("the broker in memory was silent");
    if (is_open_ && now - heard_ >= kPing) {
      up([&broker = broker_, connection = connection_] {
        down(broker, connection, [](MemoryBus&) {});
      });
    }
  }
  void dial(base::TimePoint now) {
    heard_ = ticked_ = now;
    connection_ = std::make_shared<MemoryBroker::Connection>();
    connection_->bus = this;
    connection_->node = node_;
    broker_.open(connection_);
  }
  void close() {
    if (!connection_) return;
    broker_.send(
        connection_, MemoryBroker::Way::kUp,
        [this_broker = &broker_, connection = connection_] { this_broker->forget(connection); });
    connection_->bus = nullptr;
    connection_.reset();
    is_open_ = false;
  }
  void lose(std::string_view why) {
    close();
    redial_ = loop_.clock().now() + std::chrono::milliseconds(50 + loop_.random().below(450));
    events_.on_lost(why);
  }

  MemoryBroker& broker_;
  net::Loop& loop_;
  const std::string node_;
  BusEvents& events_;
  MemoryBroker::ConnectionRef connection_;
  net::TimerId timer_ = net::TimerId::kNone;
  base::TimePoint heard_{};
  base::TimePoint ticked_{};
  base::TimePoint redial_{};
  bool is_open_ = false;
};

}  // namespace mr::cluster::memory
