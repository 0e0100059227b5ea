#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/sim/sim.h"
#include "net/sim/sim_network.h"
#include "net/timer_heap.h"

namespace mr::net::sim {

// The twin of EpollLoop: the same order within an iteration (sockets and accepts, posted tasks,
// timers, deferred, hook, closing), the same edges, stepped by a Sim. Destroying it resets its
// connections, as the end of a process does.
class SimLoop final : public Loop, public Stepped {
 public:
  SimLoop(Sim& sim, SimNetwork& network, std::string host);
  ~SimLoop() override;

  const std::string& host() const { return host_; }
  std::uint32_t id() const { return id_; }
  // A frozen loop does not run (a stopped process); its connections stay.
  void set_frozen(bool frozen) { frozen_ = frozen; }
  std::size_t open_sockets() const;

  bool is_current() const override { return sim_.is_current(*this); }
  void post(base::Task task, std::size_t bytes = 0) override;
  std::size_t mailbox_bytes() const override { return mailbox_bytes_; }
  TimerId after(base::Duration delay, base::Task task) override;
  bool cancel(TimerId timer) override;
  void defer(base::Task task) override;
  void set_iteration_end(IterationEnd* hook) override { iteration_end_ = hook; }
  base::Result<ListenerHandle, NetErrc> listen(const ListenOptions& options,
                                               AcceptEvents& events) override;
  std::uint16_t listener_port(ListenerHandle listener) const override;
  void close_listener(ListenerHandle listener) override;
  base::Result<SocketHandle, NetErrc> connect(const Address& address,
                                              SocketEvents& events) override;
  void watch(SocketHandle socket, SocketEvents& events) override;
  IoResult read(SocketHandle socket, std::span<std::byte> into) override;
  IoResult write(SocketHandle socket, std::span<const iovec> parts) override;
  void shutdown_write(SocketHandle socket) override;
  void close(SocketHandle socket) override;
  std::size_t unsent_bytes(SocketHandle socket) const override;
  std::span<std::byte> read_buffer() override;
  const base::Clock& clock() const override { return sim_.clock(); }
  base::Random& random() override { return random_; }

  // For the network: an edge on this end; a connection that waits for its accept.
  void notify(SimSocket& socket);
  void offer(const SimListener& listener, std::shared_ptr<SimSocket> socket);
  SimSocket& socket(SocketHandle socket) const;

 private:
  struct Offer {
    const SimListener* listener = nullptr;
    std::shared_ptr<SimSocket> socket;
  };
  struct Posted {
    base::Task task;
    std::size_t bytes = 0;
  };
  bool is_runnable() override;
  base::TimePoint next_timer() override;
  void iterate() override;
  void report_sockets();
  void accept_offers();
  void run_mailbox();
  void finish_iteration();
  SocketHandle add(std::shared_ptr<SimSocket> socket);
  void abandon(SimSocket& socket);
  void break_connection(SimSocket& socket);
  Ready readiness(const SimSocket& socket) const;
  std::size_t room(const SimSocket& socket) const;
  void tell_writer(SimSocket& reader);

  Sim& sim_;
  SimNetwork& network_;
  const std::string host_;
  const std::uint32_t id_;
  base::SeededRandom random_;
  std::vector<std::shared_ptr<SimSocket>> sockets_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> closing_;
  std::vector<std::uint32_t> edges_;  // slots to report
  std::vector<std::unique_ptr<SimListener>> listeners_;
  std::deque<Offer> offers_;
  std::vector<Posted> mailbox_;
  std::size_t mailbox_bytes_ = 0;
  TimerHeap timers_;
  std::vector<base::Task> deferred_;
  IterationEnd* iteration_end_ = nullptr;
  bool has_more_ = false;
  bool frozen_ = false;
  std::vector<std::byte> read_buffer_;
};

}  // namespace mr::net::sim
