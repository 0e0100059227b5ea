#include "session/dialogue.h"

#include <string>
#include <utility>
#include <variant>

#include "base/cut_utf8.h"
#include "pusher/encode.h"

namespace mr::session {
namespace {

struct Visit {
  Session& session;

  void operator()(const pusher::Ping&) { session.send(pusher::pong()); }
  void operator()(const pusher::Pong&) {}
  void operator()(pusher::Subscribe& event) { handle_subscribe(session, std::move(event)); }
  void operator()(const pusher::Unsubscribe& event) { handle_unsubscribe(session, event); }
  void operator()(const pusher::Signin& event) { handle_sign_in(session, event); }
  void operator()(pusher::ClientMessage& event) { handle_client_event(session, std::move(event)); }
  void operator()(const pusher::EnableDelta& event) { handle_enable_delta(session, event); }
  void operator()(const pusher::DeltaSyncError& event) { handle_delta_sync_error(session, event); }
  void operator()(const pusher::UnknownEvent& event) { refuse(base::cut_utf8(event.event, 100)); }

  void refuse(std::string_view unknown) {
    session.context.counters.refuse(Refusal::kBadFrame);
    session.send(pusher::error(std::nullopt, "Unknown event '" + std::string(unknown) +
                                                 "'; client events begin with client-"));
  }
};

}  // namespace

void handle_message(Session& session, std::string_view text) {
  auto event = pusher::decode(session.context.parser, text);
  if (!event) {
    session.context.counters.refuse(Refusal::kBadFrame);
    std::string why = std::string("Invalid message: ") + pusher::describe(event.error().code);
    session.send(pusher::error(std::nullopt, why));
    return;
  }
  std::visit(Visit{session}, event.value());
}

}  // namespace mr::session
