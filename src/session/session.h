#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "hub/types.h"
#include "model/app.h"
#include "net/loop.h"
#include "pusher/close_codes.h"
#include "session/context.h"
#include "session/deltas.h"
#include "session/session_ref.h"
#include "ws/receiver.h"

namespace mr::session {

// What only few connections have.
struct Identity {
  std::string user_id;                                   // signed in; empty: not
  base::FlatMap<std::string, std::string> members;       // presence channel -> user_id as JSON
  base::FlatMap<std::string, std::string> member_users;  // presence channel -> user id as text
};

enum class Phase : std::uint8_t {
  kOpening,  // upgraded, the app is being looked up
  kOpen,
  kClosing,  // a close frame is on its way; waiting for the peer's, or for the deadline
  kGone,     // the socket is closed; freed at the end of the iteration
};

// One client connection from the upgrade to its end: reads, answers control frames, keeps the
// deadlines, and closes. What the messages mean is in dialogue.h. Owned by Sessions, lives on
// its loop. About 150 bytes while idle.
class Session final : public net::SocketEvents {
 public:
  Session(Context& context, SessionRef ref, net::SocketHandle socket, hub::OutletId outlet,
          std::size_t message_bytes_max);

  void on_ready(net::Ready ready) override;
  // Bytes that came with the upgrade request, and whatever the socket holds.
  void start_reading(std::string first);
  // Of /echo: nothing is to be looked up.
  void establish_echo();
  // The app is known and every limit was kept: says connection_established.
  void establish(model::AppRef app);
  // Plain text frame to the client, before its channels' frames.
  void send(const std::string& text);
  // `pusher:error` and a close frame with that code.
  void close(pusher::CloseCode code, std::string_view message, Ending why);
  // Only the close frame (violations of RFC 6455).
  void close_frame(std::uint16_t code, std::string_view reason, Ending why);
  // Closes the socket now; what waits is lost.
  void vanish(Ending why);
  // Its last frame was written: closes the socket, or, after a violation, only its writing side;
  // the peer then reads the close frame and the end, and has close_timeout to end its own.
  void end_stream();
  // A deadline came: decides which, acts, and returns the seconds until the next.
  void on_deadline(std::uint32_t now);

  // State that the dialogue works on.
  Context& context;
  const SessionRef ref;
  const hub::OutletId outlet;
  model::AppRef app;
  std::unique_ptr<Identity> identity;
  std::unique_ptr<DeltaRequests> deltas;  // null: it asked for none
  std::unique_ptr<std::string> early;     // came with the upgrade request, read once it is open
  Phase phase = Phase::kOpening;
  bool is_second = false;      // speaks protocol 2
  bool is_echo = false;        // /echo of the conformance tools
  bool is_authorized = false;  // signed in or on a private channel once
  bool holds_node_place = false;
  bool holds_app_place = false;
  std::uint32_t next_token = 1;
  std::uint32_t event_second = 0;  // client events: the second counted, and how many in it
  std::uint32_t events_in_second = 0;

  const model::SocketId& socket_id() const { return context.hub.subscriptions().outlet(outlet).id; }
  Identity& identify() {
    if (!identity) identity = std::make_unique<Identity>();
    return *identity;
  }
  std::uint32_t opened_at() const { return opened_; }
  bool is_flushed() const { return !context.hub.has_waiting(outlet); }

 private:
  friend class FrameSink;

  // `to_end`: past a read that drained the socket, to the end that the peer sent behind it.
  void read_all(bool to_end);
  bool take(std::span<std::byte> bytes);
  void fail(ws::Errc error);
  void finish();
  void schedule();
  std::uint32_t now() const;

  net::SocketHandle socket_;
  std::uint32_t opened_ = 0;  // ticks of a second
  std::uint32_t last_seen_ = 0;
  std::uint32_t ping_sent_ = 0;  // 0: none unanswered
  bool peer_closed_ = false;
  bool is_finishing_ = false;  // no frame follows, end_stream() is asked for
  bool is_paused_ = false;     // reads nothing until the socket takes the answers
  bool is_unread_ = false;     // readable since before it could be read
  ws::Receiver receiver_;
};

}  // namespace mr::session
