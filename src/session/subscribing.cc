#include <string>
#include <utility>

#include "pusher/auth.h"
#include "pusher/encode.h"
#include "pusher/presence.h"
#include "session/dialogue.h"
#include "session/sessions.h"

namespace mr::session {
namespace {

struct Refused {
  Refusal reason;
  const char* type;
  std::string error;
  int status;
};

void refuse(Session& session, std::string_view channel, const Refused& why) {
  session.context.counters.refuse(why.reason);
  session.context.log.debug("subscription refused", {{"socket_id", session.socket_id().to_string()},
                                                     {"channel", channel},
                                                     {"reason", why.error}});
  session.send(pusher::subscription_error(channel, why.type, why.error, why.status));
}

std::string key_of(const Session& session, const std::string& channel) {
  return model::channel_key(session.app->options.id, channel);
}

bool may_hear_user(const Session& session, const model::ChannelName& channel) {
  return session.identity && !session.identity->user_id.empty() &&
         model::ChannelName::server_to_user(session.identity->user_id) == channel;
}

// The claim of a private, encrypted or presence channel.
bool is_signed(Session& session, const pusher::Subscribe& event) {
  const model::App& app = *session.app;
  pusher::ChannelClaim claim{event.auth, session.socket_id(), event.channel, {}};
  if (event.channel_data) claim.channel_data = *event.channel_data;
  return pusher::check_channel_auth(app, session.context.signers.of(app), claim);
}

// `replaced`: how many subscriptions the new one takes the place of.
std::optional<Refused> check(Session& session, const model::ChannelName& channel,
                             const pusher::Subscribe& event, std::uint32_t replaced) {
  const model::AppOptions& limits = session.app->options;
  const auto& outlet = session.context.hub.subscriptions().outlet(session.outlet);
  const std::uint32_t others = outlet.subscription_count - replaced;
  if (limits.max_subscriptions_per_connection != 0 &&
      others >= limits.max_subscriptions_per_connection) {
    return Refused{Refusal::kLimit, "LimitReached",
                   "This connection has " + std::to_string(others) +
                       " subscriptions, the app's max_subscriptions_per_connection",
                   403};
  }
  if (channel.kind() == model::ChannelKind::kServerToUser) {
    if (may_hear_user(session, channel)) return std::nullopt;
    return Refused{Refusal::kAuth, "AuthError", "Sign in as this user first", 401};
  }
  if (channel.needs_auth() && !is_signed(session, event)) {
    return Refused{Refusal::kAuth, "AuthError",
                   "Invalid signature for channel " + channel.text() +
                       "; it must be HMAC-SHA256 of socket_id:channel[:channel_data] with the "
                       "app's secret",
                   401};
  }
  return std::nullopt;
}

std::optional<pusher::Member> parse_member(Session& session, const pusher::Subscribe& event) {
  if (!event.channel_data) {
    refuse(
        session, event.channel,
        {Refusal::kAuth, "AuthError", "A presence channel needs channel_data with a user_id", 401});
    return std::nullopt;
  }
  auto member = pusher::parse_channel_data(session.context.parser, *event.channel_data);
  if (!member) {
    refuse(session, event.channel,
           {Refusal::kAuth, "AuthError",
            std::string("channel_data: ") + pusher::describe(member.error().code), 401});
    return std::nullopt;
  }
  const std::size_t bytes_max =
      std::size_t{session.app->options.max_presence_member_size_in_kb} * 1024;
  if (bytes_max != 0 && member.value().user_info_json.size() > bytes_max) {
    refuse(session, event.channel,
           {Refusal::kLimit, "LimitReached",
            "user_info has " + std::to_string(member.value().user_info_json.size()) +
                " bytes, the limit is " + std::to_string(bytes_max),
            413});
    return std::nullopt;
  }
  return std::move(member).value();
}

void welcome(Session& session, const model::ChannelName& channel,
             const channel::JoinAnswer& answer) {
  if (channel.is_presence()) {
    session.send(pusher::presence_subscription_succeeded(channel.text(), answer.members));
  } else {
    session.send(pusher::subscription_succeeded(channel.text()));
  }
  if (!channel.is_cache()) return;
  if (answer.cached) {
    session.send(pusher::channel_event(answer.cached->event, channel.text(), answer.cached->data));
  } else {
    session.send(pusher::cache_miss(channel.text()));
  }
}

void on_joined(Session& session, const model::ChannelName& channel, std::uint32_t token,
               const channel::JoinAnswer& answer) {
  hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  const hub::SubscriptionId id =
      subscriptions.find(session.outlet, key_of(session, channel.text()));
  // Unsubscribed meanwhile, perhaps subscribed again: the home loop knows, nothing is said.
  if (id == hub::kNone || subscriptions.at(id).token != token || subscriptions.is_active(id)) {
    return;
  }
  if (answer.is_refused) {
    leave_channel(session, id);
    return refuse(session, channel.text(),
                  {Refusal::kLimit, "LimitReached",
                   "The presence channel is full; see max_presence_members_per_channel", 403});
  }
  ++session.context.counters.subscribed;
  subscriptions.activate(id);
  welcome(session, channel, answer);
}

void join(Session& session, const model::ChannelName& channel, std::optional<pusher::Member> member,
          bool is_silent) {
  const std::uint32_t token = session.next_token++;
  session.context.hub.subscriptions().begin(session.outlet, key_of(session, channel.text()), token);
  Sessions& sessions = session.context.sessions;
  session.context.exchange.join(
      {session.app, channel, 0, session.socket_id(), std::move(member)},
      [&sessions, ref = session.ref, channel, token, is_silent](channel::JoinAnswer answer) {
        Session* found = sessions.find(ref);
        if (found == nullptr || found->phase != Phase::kOpen) return;
        if (!is_silent) return on_joined(*found, channel, token, answer);
        hub::Subscriptions& subscriptions = found->context.hub.subscriptions();
        const auto id = subscriptions.find(found->outlet, key_of(*found, channel.text()));
        if (id != hub::kNone && !subscriptions.is_active(id)) subscriptions.activate(id);
      });
}

// Ends one subscription on this loop and returns its channel.
std::string end_here(Session& session, hub::SubscriptionId id) {
  hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  const std::string key = subscriptions.log(subscriptions.at(id).channel).key;
  const std::string channel = key.substr(session.app->options.id.size() + 1);
  session.context.hub.end(id);
  if (session.identity) {
    const auto user = session.identity->member_users.find(channel);
    if (user != session.identity->member_users.end()) {
      session.context.sessions.remove_user(session, user->second);
      session.identity->member_users.erase(user);
      session.identity->members.erase(channel);
    }
  }
  return channel;
}

}  // namespace

void handle_subscribe(Session& session, pusher::Subscribe&& event) {
  const auto name =
      model::ChannelName::parse(event.channel, session.app->options.max_channel_name_length);
  if (!name) {
    return refuse(session, event.channel,
                  {Refusal::kBadChannel, "InvalidChannel",
                   std::string(model::describe(name.error().code)), 400});
  }
  const model::ChannelName& channel = name.value();
  hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  const auto existing = subscriptions.find(session.outlet, key_of(session, channel.text()));
  if (existing != hub::kNone && channel.kind() == model::ChannelKind::kServerToUser) {
    return session.send(pusher::subscription_succeeded(channel.text()));
  }
  if (const auto refused = check(session, channel, event, existing != hub::kNone ? 1 : 0)) {
    return refuse(session, channel.text(), *refused);
  }
  std::optional<pusher::Member> member;
  if (channel.is_presence()) {
    member = parse_member(session, event);
    if (!member) return;
  }
  // A second subscribe replaces the first; an answer under way then finds another token. The home
  // of a presence channel sees by itself that the connection was there.
  if (existing != hub::kNone && member) end_here(session, existing);
  if (existing != hub::kNone && !member) leave_channel(session, existing);
  if (member) {
    Identity& identity = session.identify();
    identity.members[channel.text()] = member->user_id_json;
    identity.member_users[channel.text()] = member->user_id;
    session.context.sessions.add_user(session, member->user_id);
  }
  if (channel.needs_auth()) session.is_authorized = true;
  join(session, channel, std::move(member), false);
}

void subscribe_silently(Session& session, const model::ChannelName& channel) {
  join(session, channel, std::nullopt, true);
}

void handle_unsubscribe(Session& session, const pusher::Unsubscribe& event) {
  const auto id =
      session.context.hub.subscriptions().find(session.outlet, key_of(session, event.channel));
  if (id != hub::kNone) leave_channel(session, id);
}

void leave_channel(Session& session, hub::SubscriptionId id) {
  const std::string channel = end_here(session, id);
  session.context.exchange.leave(session.app->options.id, channel, session.socket_id());
}

}  // namespace mr::session
