#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "net/loop.h"
#include "net/sim/sim.h"
#include "net/sim/sim_socket.h"

namespace mr::net::sim {

class SimLoop;

struct SimNetworkOptions {
  std::size_t send_buffer_bytes = 64 * 1024;  // what a direction holds before kBlocked
  base::Duration delay_max = std::chrono::milliseconds(3);
  bool split = true;  // reads, writes and segments of random size
  base::Duration user_timeout = std::chrono::seconds(30);
};

enum class SimCall : std::uint8_t { kRead, kWrite, kConnect, kAccept };

// The network between all SimLoops of a test: TCP as programs see it (streams, half-close, resets,
// backpressure), with seeded delays and splits and with faults. A node is one host; its loops
// share it. "127.0.0.1", "::1" and "0.0.0.0" mean the own host.
class SimNetwork {
 public:
  explicit SimNetwork(Sim& sim, SimNetworkOptions options = {});

  // Faults; the handles are those that the loop itself uses.
  // What comes for this reader stays in the network until it is stalled no more.
  void set_stalled(SimLoop& loop, SocketHandle socket, bool stalled);
  // Both ends see a reset.
  void reset(SimLoop& loop, SocketHandle socket);
  // Nothing goes through any more; a sender gives up after the user timeout.
  void cut(SimLoop& loop, SocketHandle socket);
  // The nth call of this kind from now (1: the next) fails: a connection breaks, a connect errs.
  void fail_call(SimCall call, std::uint64_t nth);
  // Nothing passes between the hosts until heal(); what is under way waits.
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);

  // For SimLoop.
  base::Result<std::uint16_t, NetErrc> listen(SimListener& listener, const Address& address,
                                              bool reuse_port);
  void close_listener(const SimListener& listener);
  std::shared_ptr<SimSocket> connect(SimLoop& from, const Address& to);
  void send(SimSocket& from, SimSegment segment);
  // The end was closed: a stall no longer keeps back what is under way to it.
  void release(SimSocket& closed);
  bool fails(SimCall call);
  // Between 1 and `most`: how much of a read or write goes at once.
  std::size_t piece(std::size_t most);
  const SimNetworkOptions& options() const { return options_; }

 private:
  using Place = std::pair<std::string, std::uint16_t>;
  void schedule_pump(const std::shared_ptr<SimSocket>& to, base::TimePoint when);
  void pump(const std::shared_ptr<SimSocket>& to);
  void deliver(SimSocket& to, SimSegment segment);
  void establish(const std::shared_ptr<SimSocket>& client, const Place& place,
                 base::TimePoint deadline);
  void break_end(SimSocket& socket);
  bool is_partitioned(const std::string& a, const std::string& b) const;
  bool is_cut_off(const SimSocket& to) const;
  base::Duration delay();

  Sim& sim_;
  SimNetworkOptions options_;
  base::SeededRandom random_;
  std::map<Place, std::vector<SimListener*>> listeners_;
  std::set<std::pair<std::string, std::string>> partitions_;
  std::array<std::uint64_t, 4> fail_in_{};  // by SimCall; 0: never
  std::uint16_t next_port_ = 20'000;
};

}  // namespace mr::net::sim
