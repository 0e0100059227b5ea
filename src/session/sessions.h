#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "channel/loop_port.h"
#include "http/request.h"
#include "hub/types.h"
#include "net/loop.h"
#include "net/timer_wheel.h"
#include "session/session.h"

namespace mr::session {

// Who asks to be connected.
struct Visitor {
  std::string key;         // of the app
  std::string origin;      // empty: not a browser
  bool is_second = false;  // asks for protocol 2
  net::PeerAddress peer;
};

// All sessions of one loop: takes over upgraded sockets, keeps deadlines, finds sessions by
// reference and by user, tells the Hub how to write, drains. On its loop only.
class Sessions final : public hub::Wire, public hub::OutletEvents, public channel::Subscribers {
 public:
  Sessions(net::Loop& loop, std::uint64_t hash_seed);
  // Before the first connection; the context refers back to this object.
  void set_context(Context* context) { context_ = context; }

  // An upgraded socket. `handshake` are the bytes of the 101 answer.
  void open(net::SocketHandle socket, std::string handshake, Visitor visitor, std::string early);
  // The same for /echo: no app, no protocol above WebSocket.
  void open_echo(net::SocketHandle socket, std::string handshake, std::string early);

  // Null when it is gone.
  Session* find(SessionRef ref);
  // Seconds since the loop's first look at the clock; begins at 1.
  std::uint32_t tick() const;
  void deadline(Session& session, std::uint32_t seconds);
  // Ends its subscriptions and gives its places back.
  void let_go(Session& session);
  // Calls its end_stream() once everything was written.
  void finish(Session& session);
  void remove(SessionRef ref);

  void add_user(Session& session, const std::string& user_id);
  void remove_user(Session& session, const std::string& user_id);

  // The settings of deltas are other ones now.
  void settle_deltas();

  // Closes all with 4200, spread evenly over the window.
  void drain(base::Duration window);
  std::size_t count() const { return sessions_.size() - free_.size(); }

  hub::WriteResult write(std::uint32_t socket, std::span<const iovec> parts) override;
  std::size_t unsent_bytes(std::uint32_t socket) const override;
  void on_outlet_slow(hub::OutletId outlet) override;
  void on_outlet_broken(hub::OutletId outlet) override;
  void deliver(const model::MessageRef& message) override;
  void broadcast(const model::MessageRef& message) override;
  void tell_gap(const channel::GapNotice& notice) override;
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override;
  // After the flush: closes what is finished.
  void on_flushed();

 private:
  struct Slot {
    std::unique_ptr<Session> session;
    std::uint32_t generation = 1;
  };
  struct Opening {
    std::size_t message_bytes_max = 0;
    bool is_second = false;
  };
  Session& create(net::SocketHandle socket, std::string handshake, Opening opening);
  void admit(SessionRef ref, model::AppRef app, const Visitor& visitor);
  void admit_to_node(SessionRef ref, model::AppRef app, const net::PeerAddress& peer);
  void admit_to_app(SessionRef ref, model::AppRef app, const net::PeerAddress& peer);
  void on_second();
  std::size_t open_count() const;
  void drain_step();
  void broadcast_step();
  void later(hub::OutletId outlet, bool is_slow);

  net::Loop& loop_;
  Context* context_ = nullptr;
  const base::TimePoint start_;
  std::vector<Slot> sessions_;
  std::vector<std::uint32_t> free_;
  std::vector<SessionRef> by_outlet_;
  net::TimerWheel wheel_;
  std::vector<SessionRef> finishing_;
  struct UserSession {
    SessionRef ref;
    base::TimePoint since;
  };
  base::TextMap<std::vector<UserSession>> users_;
  struct Broadcast {
    model::MessageRef message;
    std::size_t next = 0;  // the first slot that it has not come to
  };
  std::deque<Broadcast> broadcasts_;
  base::TimePoint drain_end_{};
  base::Duration drain_window_{};
  std::size_t drain_total_ = 0;
};

}  // namespace mr::session
