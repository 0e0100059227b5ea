#include "session/sessions.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "pusher/encode.h"
#include "session/dialogue.h"
#include "session/origin.h"
#include "ws/frame.h"

namespace mr::session {
namespace {

constexpr const char* kNodeName = "node";
constexpr std::size_t kBroadcastStep = 512;   // connections of one turn
constexpr std::size_t kBroadcastsMax = 1024;  // under way
constexpr base::Duration kDrainStep = std::chrono::milliseconds(50);
// Message limit of /echo: the largest messages of the public conformance suite.
constexpr std::size_t kEchoBytesMax = 16 << 20;

std::string app_place(const model::App& app) { return "app:" + app.options.id; }

void tell_opened(const Session& session, const model::App& app, const net::PeerAddress& peer) {
  const observability::Logger& log = session.context.log;
  if (!log.enabled(observability::Level::kDebug)) return;
  log.debug("connection opened", {{"socket_id", session.socket_id().to_string()},
                                  {"app", app.options.id},
                                  {"peer", peer.to_string()}});
}

}  // namespace

Sessions::Sessions(net::Loop& loop, std::uint64_t hash_seed)
    : loop_(loop),
      start_(loop.clock().now()),
      wheel_(512, 1),
      users_(0, base::TextHash{hash_seed}) {
  loop_.after(std::chrono::seconds(1), [this] { on_second(); });
}

std::uint32_t Sessions::tick() const {
  const auto age = loop_.clock().now() - start_;
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(age).count()) + 1;
}

void Sessions::on_second() {
  wheel_.advance(tick(), [this](std::uint32_t slot) {
    if (Session* session = sessions_[slot].session.get()) session->on_deadline(tick());
  });
  loop_.after(std::chrono::seconds(1), [this] { on_second(); });
}

void Sessions::deadline(Session& session, std::uint32_t seconds) {
  wheel_.schedule(session.ref.slot, seconds);
}

Session* Sessions::find(SessionRef ref) {
  if (ref.slot >= sessions_.size() || sessions_[ref.slot].generation != ref.generation) {
    return nullptr;
  }
  Session* session = sessions_[ref.slot].session.get();
  return session == nullptr || session->phase == Phase::kGone ? nullptr : session;
}

Session& Sessions::create(net::SocketHandle socket, std::string handshake, Opening opening) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(sessions_.size());
    sessions_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  base::Random& random = loop_.random();
  const model::SocketId id{random.below(model::SocketId::kHalfMax),
                           random.below(model::SocketId::kHalfMax)};
  const hub::OutletId outlet =
      context_->hub.subscriptions().open(static_cast<std::uint32_t>(socket), id, opening.is_second);
  const SessionRef ref{slot, sessions_[slot].generation};
  if (by_outlet_.size() <= outlet) by_outlet_.resize(outlet + 1);
  by_outlet_[outlet] = ref;
  sessions_[slot].session =
      std::make_unique<Session>(*context_, ref, socket, outlet, opening.message_bytes_max);
  Session& session = *sessions_[slot].session;
  session.is_second = opening.is_second;
  loop_.watch(socket, session);
  context_->hub.reply(outlet, std::move(handshake));
  return session;
}

void Sessions::open_echo(net::SocketHandle socket, std::string handshake, std::string early) {
  Session& session = create(socket, std::move(handshake), {kEchoBytesMax});
  session.establish_echo();
  session.start_reading(std::move(early));
}

void Sessions::open(net::SocketHandle socket, std::string handshake, Visitor visitor,
                    std::string early) {
  Session& session = create(socket, std::move(handshake),
                            {context_->options.message_bytes_max, visitor.is_second});
  if (!early.empty()) session.early = std::make_unique<std::string>(std::move(early));
  const std::string key = visitor.key;
  context_->apps.find_by_key(
      key, [this, ref = session.ref, visitor = std::move(visitor)](model::AppRef app) {
        admit(ref, std::move(app), visitor);
        Session* refused = find(ref);
        // What it sends while it closes is read, so that its close frame is seen.
        if (refused != nullptr && refused->phase == Phase::kClosing) refused->start_reading({});
      });
}

void Sessions::admit(SessionRef ref, model::AppRef app, const Visitor& visitor) {
  Session* session = find(ref);
  if (session == nullptr) return;
  if (!app) {
    context_->log.info_limited("app key refused", {{"socket_id", session->socket_id().to_string()},
                                                   {"peer", visitor.peer.to_string()},
                                                   {"key", visitor.key}});
    return session->close(pusher::CloseCode::kAppUnknown,
                          "Application does not exist; check the app key", Ending::kApp);
  }
  if (!app->options.enabled) {
    return session->close(pusher::CloseCode::kAppDisabled, "Application disabled", Ending::kApp);
  }
  if (!is_origin_allowed(app->options.allowed_origins, visitor.origin)) {
    context_->log.info_limited("origin refused", {{"socket_id", session->socket_id().to_string()},
                                                  {"peer", visitor.peer.to_string()},
                                                  {"app", app->options.id},
                                                  {"origin", visitor.origin}});
    return session->close(pusher::CloseCode::kUnauthorized,
                          "Origin not allowed; add it to the app's allowed_origins",
                          Ending::kUnauthorized);
  }
  admit_to_node(ref, std::move(app), visitor.peer);
}

void Sessions::admit_to_node(SessionRef ref, model::AppRef app, const net::PeerAddress& peer) {
  const std::uint32_t limit = context_->options.max_connections;
  if (limit == 0) return admit_to_app(ref, std::move(app), peer);
  context_->exchange.acquire(
      kNodeName, limit, [this, ref, app = std::move(app), peer](bool granted) mutable {
        Session* session = find(ref);
        if (session == nullptr || session->phase != Phase::kOpening) {
          if (granted) context_->exchange.release(kNodeName);
          return;
        }
        session->holds_node_place = granted;
        if (granted) return admit_to_app(ref, std::move(app), peer);
        session->close(pusher::CloseCode::kOverCapacity,
                       "The node is at its connection limit; try again later", Ending::kQuota);
      });
}

void Sessions::admit_to_app(SessionRef ref, model::AppRef app, const net::PeerAddress& peer) {
  const auto open = [this, ref, app, peer](bool granted) {
    Session* session = find(ref);
    const bool is_limited = app->options.max_connections != 0;
    if (session == nullptr || session->phase != Phase::kOpening) {
      if (granted && is_limited) context_->exchange.release(app_place(*app));
      return;
    }
    if (!granted) {
      return session->close(pusher::CloseCode::kOverQuota,
                            "The application is over its connection quota", Ending::kQuota);
    }
    session->app = app;
    session->holds_app_place = is_limited;
    tell_opened(*session, *app, peer);
    session->establish(app);
    std::unique_ptr<std::string> early = std::move(session->early);
    session->start_reading(early ? std::move(*early) : std::string());
  };
  if (app->options.max_connections == 0) return open(true);
  context_->exchange.acquire(app_place(*app), app->options.max_connections, open);
}

void Sessions::let_go(Session& session) {
  hub::Subscriptions& subscriptions = context_->hub.subscriptions();
  const hub::Outlet& outlet = subscriptions.outlet(session.outlet);
  while (outlet.first != hub::kNone) leave_channel(session, outlet.first);
  if (session.identity && !session.identity->user_id.empty()) sign_out(session);
  if (session.holds_node_place) context_->exchange.release(kNodeName);
  if (session.holds_app_place) context_->exchange.release(app_place(*session.app));
  session.holds_node_place = session.holds_app_place = false;
}

void Sessions::finish(Session& session) { finishing_.push_back(session.ref); }

void Sessions::on_flushed() {
  if (finishing_.empty()) return;
  std::vector<SessionRef> still;
  for (const SessionRef ref : std::exchange(finishing_, {})) {
    Session* session = find(ref);
    if (session == nullptr) continue;
    if (session->is_flushed()) {
      session->end_stream();
    } else {
      still.push_back(ref);
    }
  }
  finishing_.insert(finishing_.end(), still.begin(), still.end());
}

void Sessions::remove(SessionRef ref) {
  wheel_.cancel(ref.slot);
  ++sessions_[ref.slot].generation;
  // It may be in the middle of a callback.
  loop_.defer([this, slot = ref.slot, session = std::move(sessions_[ref.slot].session)]() mutable {
    session.reset();
    free_.push_back(slot);
  });
}

void Sessions::add_user(Session& session, const std::string& user_id) {
  users_[model::channel_key(session.app->options.id, user_id)].push_back(
      {session.ref, loop_.clock().now()});
}

void Sessions::remove_user(Session& session, const std::string& user_id) {
  const auto found = users_.find(model::channel_key(session.app->options.id, user_id));
  if (found == users_.end()) return;
  std::vector<UserSession>& of_user = found->second;
  const auto at = std::find_if(of_user.begin(), of_user.end(), [&](const UserSession& one) {
    return one.ref.slot == session.ref.slot && one.ref.generation == session.ref.generation;
  });
  if (at != of_user.end()) of_user.erase(at);
  if (of_user.empty()) users_.erase(found);
}

std::uint32_t Sessions::terminate_user(const std::string& app_id, const std::string& user_id,
                                       base::TimePoint before) {
  const auto found = users_.find(model::channel_key(app_id, user_id));
  if (found == users_.end()) return 0;
  std::uint32_t closed = 0;
  // Closing takes entries off the list.
  const std::vector<UserSession> of_user = found->second;
  for (const UserSession& one : of_user) {
    if (one.since >= before) continue;
    Session* session = find(one.ref);
    if (session == nullptr || session->phase != Phase::kOpen) continue;
    session->close(pusher::CloseCode::kUnauthorized, "You got disconnected by the app.",
                   Ending::kUnauthorized);
    ++closed;
  }
  return closed;
}

std::size_t Sessions::open_count() const {
  std::size_t open = 0;
  for (const Slot& slot : sessions_) {
    if (slot.session && slot.session->phase == Phase::kOpen) ++open;
  }
  return open;
}

void Sessions::settle_deltas() {
  for (Slot& slot : sessions_) {
    if (!slot.session || slot.session->phase != Phase::kOpen || !slot.session->deltas) continue;
    settle_all_deltas(*slot.session);
  }
}

void Sessions::drain(base::Duration window) {
  drain_window_ = window;
  drain_end_ = loop_.clock().now() + window;
  drain_total_ = open_count();
  drain_step();
}

// As many stay as there is left of the window.
void Sessions::drain_step() {
  const base::Duration left = drain_end_ - loop_.clock().now();
  std::size_t to_stay = 0;
  if (left > kDrainStep) {
    to_stay = static_cast<std::size_t>(static_cast<double>(drain_total_) *
                                       static_cast<double>(left.count()) /
                                       static_cast<double>(drain_window_.count()));
  }
  std::size_t open = open_count();
  for (Slot& slot : sessions_) {
    if (open <= to_stay) break;
    if (!slot.session || slot.session->phase != Phase::kOpen) continue;
    slot.session->close(pusher::CloseCode::kReconnect, "Server shutting down; reconnect",
                        Ending::kDrain);
    --open;
  }
  if (count() > 0) loop_.after(kDrainStep, [this] { drain_step(); });
}

hub::WriteResult Sessions::write(std::uint32_t socket, std::span<const iovec> parts) {
  const net::IoResult result = loop_.write(static_cast<net::SocketHandle>(socket), parts);
  switch (result.status) {
    case net::IoStatus::kOk:
      return {hub::WriteStatus::kOk, result.bytes};
    case net::IoStatus::kBlocked:
      return {hub::WriteStatus::kBlocked, 0};
    case net::IoStatus::kClosed:
      return {hub::WriteStatus::kClosed, 0};
  }
  return {};
}

std::size_t Sessions::unsent_bytes(std::uint32_t socket) const {
  return loop_.unsent_bytes(static_cast<net::SocketHandle>(socket));
}

// Told in the middle of a flush or an append: acted on after it.
void Sessions::later(hub::OutletId outlet, bool is_slow) {
  loop_.post([this, ref = by_outlet_[outlet], is_slow] {
    Session* session = find(ref);
    if (session == nullptr) return;
    if (!is_slow) return session->vanish(Ending::kClient);
    context_->log.info_limited(
        "slow consumer closed",
        {{"app", session->app->options.id}, {"socket_id", session->socket_id().to_string()}});
    session->close(pusher::CloseCode::kOverCapacity,
                   "This connection reads too slowly; reconnect and read faster or hear less",
                   Ending::kSlow);
  });
}

void Sessions::on_outlet_slow(hub::OutletId outlet) { later(outlet, true); }
void Sessions::on_outlet_broken(hub::OutletId outlet) { later(outlet, false); }

void Sessions::broadcast(const model::MessageRef& message) {
  if (broadcasts_.size() >= kBroadcastsMax) {
    context_->counters.broadcasts_dropped += count();
    return;
  }
  broadcasts_.push_back({message});
  if (broadcasts_.size() == 1) broadcast_step();
}

// Some connections, then the loop's other work gets its turn.
void Sessions::broadcast_step() {
  Broadcast& now = broadcasts_.front();
  const model::Message& message = *now.message;
  const std::size_t end = std::min(now.next + kBroadcastStep, sessions_.size());
  for (; now.next < end; ++now.next) {
    const Session* const session = sessions_[now.next].session.get();
    if (session == nullptr || session->phase != Phase::kOpen || session->is_echo) continue;
    if (session->app->options.id != message.key || message.except.has(session->socket_id()))
      continue;
    const bool is_taken = context_->hub.reply(session->outlet, message.frame, message.priority);
    ++(is_taken ? context_->counters.broadcasts : context_->counters.broadcasts_dropped);
  }
  if (now.next >= sessions_.size()) broadcasts_.pop_front();
  if (!broadcasts_.empty()) loop_.post([this] { broadcast_step(); });
}

void Sessions::tell_gap(const channel::GapNotice& notice) {
  for (const GapListeners::Told& told : context_->gaps.find(notice)) {
    Session* const session = find(told.ref);
    if (session == nullptr || session->phase != Phase::kOpen) continue;
    ++context_->counters.gaps_told;
    session->send(pusher::gap(
        std::string_view(told.key).substr(session->app->options.id.size() + 1), notice.missed));
  }
}

void Sessions::deliver(const model::MessageRef& message) { context_->hub.append(message); }

}  // namespace mr::session
