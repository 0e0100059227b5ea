#include "cluster/memory/memory_broker.h"

#include <algorithm>

#include "cluster/memory/memory_bus.h"
#include "cluster/memory/memory_store.h"

namespace mr::cluster::memory {
namespace {

constexpr base::Duration kLineLife = std::chrono::seconds(15);

base::Duration milliseconds(std::uint64_t count) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

}  // namespace

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
    : clock_(clock), random_(random), later_(std::move(later)), table_(random) {}

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

std::unique_ptr<Store> MemoryBroker::store(net::Loop& loop, std::string node) {
  return std::make_unique<MemoryStore>(*this, loop, std::move(node));
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
  base::TimePoint ready = std::max(lane.last, clock_.now() + milliseconds(1 + random_.below(9)));
  if (way == Way::kUp && connection->delay_max > base::Duration::zero()) {
    ready += base::Duration(static_cast<std::int64_t>(
        random_.below(static_cast<std::uint64_t>(connection->delay_max.count()))));
  }
  lane.last = ready;
  lane.packets.emplace_back(ready, std::move(packet));
  later_(ready - clock_.now(), [this, connection, way] { pump(connection, way); });
}

bool MemoryBroker::is_stalled(const Connection& connection, Way way) const {
  if (is_hung_ || clock_.now() < connection.stalled_until) return true;
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

void MemoryBroker::take(const ConnectionRef& from, Subject subject, const std::string& envelope) {
  ++published_;
  for (const ConnectionRef& to : connections_) {
    if (is_on_old_side(from->node) != is_on_old_side(to->node)) continue;
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
  if (empty) {
    lines_.clear();
    table_.clear();
    old_table_.reset();
    old_side_.clear();
  }
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

void MemoryBroker::fail_over(base::Duration lag, std::set<std::string> staying) {
  old_side_ = std::move(staying);
  if (!old_side_.empty()) old_table_.emplace(table_);
  table_.fail_over(lag, clock_.now());
}

void MemoryBroker::end_split() {
  const std::set<std::string> staying = std::exchange(old_side_, {});
  old_table_.reset();
  for (const std::string& node : staying) drop(node);
}

RecordTable& MemoryBroker::table_of(const std::string& node) {
  return is_on_old_side(node) ? *old_table_ : table_;
}

void MemoryBroker::end_held(const std::string& node, Held how) {
  for (const std::weak_ptr<Connection>& opened : opened_) {
    const ConnectionRef connection = opened.lock();
    if (!connection || connection->node != node || connection->bus != nullptr) continue;
    if (how == Held::kLost) {
      connection->up.packets.clear();
      forget(connection);
      continue;
    }
    const base::Duration delay = milliseconds(1 + random_.below(1500));
    connection->stalled_until = clock_.now() + delay;
    later_(delay, [this, connection] { pump(connection, Way::kUp); });
  }
}

void MemoryBroker::set_store(const StoreModel& model) {
  table_.set_times(model.times);
  are_revisions_bound_ = model.are_revisions_bound;
  store_delay_max_ = model.delay_max;
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
