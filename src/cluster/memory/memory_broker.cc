#include "cluster/memory/memory_broker.h"

#include <algorithm>

namespace mr::cluster::memory {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(250);
constexpr base::Duration kPing = std::chrono::seconds(1);
constexpr base::Duration kSilence = std::chrono::seconds(2);
constexpr base::Duration kLineLife = std::chrono::seconds(15);

base::Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

}  // namespace

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
    up([&broker = broker_, subject, text = std::string(envelope)] { broker.take(subject, text); });
    return true;
  }
  void flush() override {}
  std::size_t queued_bytes() const override { return 0; }

 private:
  friend class MemoryBroker;

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
    redial_ = loop_.clock().now() + milliseconds(50 + loop_.random().below(450));
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

class MemoryBroker::MemoryRegistry final : public Registry {
 public:
  explicit MemoryRegistry(MemoryBus& bus) : bus_(bus) {}

  void beat(BootId boot, std::string_view, base::Function<void(const Lines*)> done) override {
    if (!bus_.is_open_) return done(nullptr);
    // A lost connection answers nothing: whoever asks has a way of its own to notice.
    auto answer = std::make_shared<base::Function<void(const Lines*)>>(std::move(done));
    bus_.up([&broker = bus_.broker_, connection = bus_.connection_, boot, answer] {
      const base::TimePoint now = broker.clock_.now();
      broker.lines_[boot] = now;
      std::erase_if(broker.lines_,
                    [now](const auto& line) { return now - line.second >= kLineLife; });
      auto lines = std::make_shared<Lines>();
      for (const auto& line : broker.lines_) lines->push_back(line.first);
      MemoryBus::down(broker, connection, [answer, lines](MemoryBus&) { (*answer)(lines.get()); });
    });
  }
  const std::string& problem() const override { return none_; }
  void leave(BootId boot) override {
    if (bus_.is_open_) bus_.up([&broker = bus_.broker_, boot] { broker.lines_.erase(boot); });
  }

 private:
  MemoryBus& bus_;
  const std::string none_;
};

MemoryBroker::MemoryBroker(const base::Clock& clock, base::Random& random, Later later)
    : clock_(clock), random_(random), later_(std::move(later)) {}

// Packets hold their connection, and it holds them.
MemoryBroker::~MemoryBroker() {
  for (const std::weak_ptr<Connection>& opened : opened_) {
    if (const ConnectionRef connection = opened.lock()) {
      const Lane up = std::move(connection->up), down = std::move(connection->down);
    }
  }
}

std::unique_ptr<Bus> MemoryBroker::connect(net::Loop& loop, std::string node, BusEvents& events) {
  return std::make_unique<MemoryBus>(*this, loop, std::move(node), events);
}

std::unique_ptr<Registry> MemoryBroker::registry(Bus& bus) {
  return std::make_unique<MemoryRegistry>(static_cast<MemoryBus&>(bus));
}

void MemoryBroker::open(const ConnectionRef& connection) {
  std::erase_if(opened_, [](const auto& opened) { return opened.expired(); });
  opened_.push_back(connection);
  if (is_down_) {
    later_(milliseconds(1 + random_.below(5)), [connection] {
      if (connection->bus == nullptr) return;
      connection->bus->loop_.post([connection] {
        if (connection->bus != nullptr) connection->bus->lose("the broker in memory is down");
      });
    });
    return;
  }
  connection->is_known = true;
  connections_.push_back(connection);
  send(connection, Way::kUp, [this, connection] {
    MemoryBus::down(*this, connection, [](MemoryBus& bus) {
      bus.is_open_ = true;
      bus.events_.on_open();
    });
  });
}

void MemoryBroker::send(const ConnectionRef& connection, Way way, base::Task packet) {
  Lane& lane = way == Way::kUp ? connection->up : connection->down;
  const base::TimePoint ready =
      std::max(lane.last, clock_.now() + milliseconds(1 + random_.below(9)));
  lane.last = ready;
  lane.packets.emplace_back(ready, std::move(packet));
  later_(ready - clock_.now(), [this, connection, way] { pump(connection, way); });
}

bool MemoryBroker::is_stalled(const Connection& connection, Way way) const {
  if (is_hung_) return true;
  const auto cut = cuts_.find(connection.node);
  return cut != cuts_.end() && (way == Way::kUp ? cut->second.first : cut->second.second);
}

void MemoryBroker::pump(const ConnectionRef& connection, Way way) {
  Lane& lane = way == Way::kUp ? connection->up : connection->down;
  while (!lane.packets.empty() && lane.packets.front().first <= clock_.now() &&
         !is_stalled(*connection, way)) {
    base::Task packet = std::move(lane.packets.front().second);
    lane.packets.pop_front();
    if (way == Way::kDown || connection->is_known) packet();
  }
}

void MemoryBroker::take(Subject subject, const std::string& envelope) {
  ++published_;
  for (const ConnectionRef& to : connections_) {
    if (std::ranges::find(to->subjects, subject) == to->subjects.end()) continue;
    deliver(to, subject, envelope);
    if (!doubled_ || *doubled_ != std::pair(to->node, subject)) continue;
    later_(milliseconds(30), [this, to, subject, envelope] { deliver(to, subject, envelope); });
  }
}

void MemoryBroker::deliver(const ConnectionRef& to, Subject subject, const std::string& envelope) {
  MemoryBus::down(*this, to, [subject, envelope](MemoryBus& bus) {
    bus.events_.on_envelope(subject, envelope);
  });
}

void MemoryBroker::forget(const ConnectionRef& connection) {
  connection->is_known = false;
  std::erase(connections_, connection);
}

void MemoryBroker::set_down(bool is_down, bool empty) {
  is_down_ = is_down;
  if (empty) lines_.clear();
  if (!is_down) return;
  while (!connections_.empty()) drop(connections_.front()->node);
}

void MemoryBroker::drop(const std::string& node) {
  std::vector<ConnectionRef> broken;
  for (const ConnectionRef& connection : connections_) {
    if (connection->node == node) broken.push_back(connection);
  }
  for (const ConnectionRef& connection : broken) {
    forget(connection);
    connection->up.packets.clear();
    connection->down.packets.clear();
    const auto cut = cuts_.find(node);
    // Behind a cut nobody tells the node; it hears nothing any more, and gives up by itself.
    if (cut != cuts_.end() && (cut->second.first || cut->second.second)) continue;
    later_(milliseconds(1 + random_.below(20)), [connection] {
      if (connection->bus == nullptr) return;
      connection->bus->loop_.post([connection] {
        if (connection->bus != nullptr) connection->bus->lose("the connection broke");
      });
    });
  }
}

void MemoryBroker::deafen(const std::string& node, Subject subject) {
  for (const ConnectionRef& connection : connections_) {
    if (connection->node == node) std::erase(connection->subjects, subject);
  }
}

void MemoryBroker::set_hung(bool is_hung) {
  is_hung_ = is_hung;
  heal();
}

void MemoryBroker::set_cut(const std::string& node, bool up, bool down) {
  cuts_[node] = {up, down};
  heal();
}

void MemoryBroker::set_doubled(std::optional<std::pair<std::string, Subject>> who) {
  doubled_ = std::move(who);
}

void MemoryBroker::heal() {
  const std::vector<ConnectionRef> all = connections_;
  for (const ConnectionRef& connection : all) {
    pump(connection, Way::kUp);
    pump(connection, Way::kDown);
  }
}

}  // namespace mr::cluster::memory
