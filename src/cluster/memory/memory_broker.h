#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/function.h"
#include "base/random.h"
#include "cluster/bus.h"
#include "cluster/memory/record_table.h"
#include "cluster/registry.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster::memory {

class MemoryBus;

// A broker inside the process, for nodes that are stepped together (net/sim): keeps the order of a
// connection, delivers at most once, and fails in the ways of real brokers. Everything takes a
// random time. One thread; it outlives its buses.
class MemoryBroker {
 public:
  // How something happens later in no loop's name, and what decides how much later.
  using Later = base::Function<void(base::Duration, base::Task)>;
  MemoryBroker(const base::Clock& clock, base::Random& random, Later later);
  ~MemoryBroker();

  // A bus of node `node` on `loop`; nothing happens before its start().
  std::unique_ptr<Bus> connect(net::Loop& loop, std::string node, BusEvents& events);
  // The registry, reached through that bus' connection.
  std::unique_ptr<Registry> registry(Bus& bus);
  // The store, over a connection of its own.
  std::unique_ptr<Store> store(net::Loop& loop, std::string node);
  struct StoreModel {
    StoreTimes times{};
    bool are_revisions_bound = false;  // to a connection, as on NATS
    base::Duration delay_max{};        // of a request, beside what all connections have
  };
  void set_store(const StoreModel& model);

  // Faults. Down: connections are gone, none comes up. With `empty` the store is too.
  void set_down(bool is_down, bool empty = false);
  // Answers and takes nothing, but keeps its connections.
  void set_hung(bool is_hung);
  // What the node sends, or gets, stays in the network meanwhile.
  void set_cut(const std::string& node, bool up, bool down);
  // The node's connections break now.
  void drop(const std::string& node);
  // The broker forgets this subscription of the node, and tells nobody.
  void deafen(const std::string& node, Subject subject);
  // Everything that it gets on this subject comes twice, until it is set again.
  void set_doubled(std::optional<std::pair<std::string, Subject>> who);

  // A replica takes over that lacks the writes of the last `lag` (up to two seconds): another life
  // of the store. Nodes that stay reach the old one, and each other alone, until the split ends;
  // their connections break then.
  void fail_over(base::Duration lag, std::set<std::string> staying = {});
  void end_split();
  // What connections that the node gave up still have in the network, behind a cut: it comes up to
  // 1.5 s late, when newer connections have long been faster; or never.
  enum class Held : std::uint8_t { kLate, kLost };
  void end_held(const std::string& node, Held how);

  std::uint64_t published() const { return published_; }

 private:
  friend class MemoryBus;
  friend class MemoryStore;
  class MemoryRegistry;
  enum class Way : std::uint8_t { kUp, kDown };
  struct Lane {
    std::deque<std::pair<base::TimePoint, base::Task>> packets;
    base::TimePoint last{};
  };
  // One connection of a bus; it ends on both sides apart.
  struct Connection {
    MemoryBus* bus = nullptr;  // null: closed at the node's end
    std::string node;
    bool is_known = false;  // at the broker's end
    std::vector<Subject> subjects;
    base::TimePoint stalled_until{};
    base::Duration delay_max{};  // more than that of others
    Lane up;
    Lane down;
  };
  using ConnectionRef = std::shared_ptr<Connection>;

  void open(const ConnectionRef& connection);
  void send(const ConnectionRef& connection, Way way, base::Task packet);
  void pump(const ConnectionRef& connection, Way way);
  bool is_stalled(const Connection& connection, Way way) const;
  void take(const ConnectionRef& from, Subject subject, const std::string& envelope);
  void deliver(const ConnectionRef& to, Subject subject, const std::string& envelope);
  void forget(const ConnectionRef& connection);
  void heal();
  bool is_on_old_side(const std::string& node) const { return old_side_.contains(node); }
  RecordTable& table_of(const std::string& node);

  const base::Clock& clock_;
  base::Random& random_;
  Later later_;
  std::vector<ConnectionRef> connections_;
  std::vector<std::weak_ptr<Connection>> opened_;      // ever; what is under way holds them
  std::map<std::string, std::pair<bool, bool>> cuts_;  // up, down
  std::optional<std::pair<std::string, Subject>> doubled_;
  std::map<BootId, base::TimePoint> lines_;  // the registry
  RecordTable table_;
  std::optional<RecordTable> old_table_;  // of a split
  std::set<std::string> old_side_;
  bool are_revisions_bound_ = false;
  base::Duration store_delay_max_{};
  bool is_down_ = false;
  bool is_hung_ = false;
  std::uint64_t published_ = 0;
};

}  // namespace mr::cluster::memory
