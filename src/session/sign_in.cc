#include <string>
#include <utility>

#include "pusher/auth.h"
#include "pusher/encode.h"
#include "pusher/user.h"
#include "session/dialogue.h"
#include "session/sessions.h"

namespace mr::session {
namespace {

std::string user_place(const Session& session, const std::string& user_id) {
  return "user:" + model::channel_key(session.app->options.id, user_id);
}

void refuse(Session& session, std::string_view why) {
  session.context.counters.refuse(Refusal::kAuth);
  session.context.log.info_limited("sign-in refused",
                                   {{"socket_id", session.socket_id().to_string()},
                                    {"app", session.app->options.id},
                                    {"reason", why}});
  session.close(pusher::CloseCode::kUnauthorized, why, Ending::kUnauthorized);
}

void complete(Session& session, const std::string& user_id, const std::string& user_data) {
  session.is_authorized = true;
  session.identify().user_id = user_id;
  session.context.sessions.add_user(session, user_id);
  if (session.context.log.enabled(observability::Level::kDebug)) {
    session.context.log.debug("signed in", {{"socket_id", session.socket_id().to_string()},
                                            {"app", session.app->options.id}});
  }
  // Told when the user's channel is heard, from other nodes too.
  subscribe_to_user(session, model::ChannelName::server_to_user(user_id),
                    pusher::signin_success(user_data));
}

}  // namespace

void handle_sign_in(Session& session, const pusher::Signin& event) {
  const model::App& app = *session.app;
  if (!app.options.enable_user_authentication) {
    return session.send(pusher::error(
        std::nullopt, "Sign-in is not enabled for this app; set enable_user_authentication"));
  }
  if (session.identity && !session.identity->user_id.empty()) {
    return session.send(pusher::error(std::nullopt, "This connection is signed in already"));
  }
  if (!pusher::check_user_auth(app, session.context.signers.of(app),
                               {event.auth, session.socket_id(), event.user_data})) {
    return refuse(session,
                  "Invalid signature of user_data; it must be HMAC-SHA256 of "
                  "socket_id::user::user_data");
  }
  const auto user = pusher::parse_user_data(session.context.parser, event.user_data);
  if (!user) {
    return refuse(session, std::string("user_data: ") + pusher::describe(user.error().code));
  }
  const std::string user_id = user.value().id;
  const std::uint32_t limit = app.options.max_connections_per_user;
  if (limit == 0) return complete(session, user_id, event.user_data);
  Sessions& sessions = session.context.sessions;
  channel::Exchange& exchange = session.context.exchange;
  exchange.acquire(
      user_place(session, user_id), limit,
      [&sessions, &exchange, ref = session.ref, user_id, place = user_place(session, user_id),
       user_data = event.user_data](bool granted) {
        Session* found = sessions.find(ref);
        const bool may_go_on = found != nullptr && found->phase == Phase::kOpen &&
                               (!found->identity || found->identity->user_id.empty());
        if (!may_go_on) {
          if (granted) exchange.release(place);
          return;
        }
        if (granted) return complete(*found, user_id, user_data);
        found->close(pusher::CloseCode::kOverQuota,
                     "The user has too many connections; see max_connections_per_user",
                     Ending::kQuota);
      });
}

void sign_out(Session& session) {
  const std::string user_id = std::exchange(session.identity->user_id, {});
  session.context.sessions.remove_user(session, user_id);
  if (session.app->options.max_connections_per_user != 0) {
    session.context.exchange.release(user_place(session, user_id));
  }
}

}  // namespace mr::session
