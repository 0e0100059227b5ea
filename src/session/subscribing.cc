#include <string>
#include <utility>

#include "delta/settings.h"
#include "filter/filter.h"
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

// What a subscribe asks for, once it was found good.
struct Wanted {
  model::ChannelName channel;
  std::optional<pusher::Member> member = std::nullopt;
  filter::FilterRef filter = nullptr;
  bool wants_gaps = false;
  std::string greeting = {};  // not empty: what is said in place of the welcome
};

// Null: there is none, or it was refused.
filter::FilterRef read_filter(Session& session, const pusher::Subscribe& event, bool& is_refused) {
  if (event.filter.empty()) return nullptr;
  is_refused = true;
  if (!session.context.delta->tags.enabled) {
    refuse(session, event.channel,
           {Refusal::kFilter, "FilterError", "Filters are switched off; see tag_filtering.enabled",
            403});
    return nullptr;
  }
  auto filter = filter::Filter::parse(session.context.parser, event.filter);
  if (!filter) {
    refuse(session, event.channel,
           {Refusal::kFilter, "FilterError", "filter: " + filter.error().detail, 400});
    return nullptr;
  }
  is_refused = false;
  return std::move(filter).value();
}

void send_cached(Session& session, const Wanted& wanted,
                 const std::optional<channel::CachedEvent>& cached) {
  const bool is_heard =
      cached && (!wanted.filter || wanted.filter->passes(cached->event, cached->tags));
  const std::string& channel = wanted.channel.text();
  if (!is_heard) return session.send(pusher::cache_miss(channel));
  const bool has_tags =
      session.is_second && !cached->tags.empty() &&
      delta::resolve_for(*session.context.delta, session.app->options.id, channel).enable_tags;
  session.send(has_tags ? pusher::tagged_event(cached->event, channel, cached->data, cached->tags)
                        : pusher::channel_event(cached->event, channel, cached->data));
}

void welcome(Session& session, const Wanted& wanted, const channel::JoinAnswer& answer,
             bool tells_start) {
  if (wanted.channel.is_presence()) {
    session.send(pusher::presence_subscription_succeeded(wanted.channel.text(), answer.members));
  } else {
    session.send(pusher::subscription_succeeded(wanted.channel.text()));
  }
  if (tells_start) session.send(answer.start->sync);
  if (wanted.channel.is_cache()) send_cached(session, wanted, answer.cached);
}

// The filter and the start of a subscriber that was there already hold from here on.
void place_answer(Session& session, hub::SubscriptionId id, const channel::JoinAnswer& answer) {
  hub::Hub& hub = session.context.hub;
  if (hub.tracks().has(id) || answer.filter != channel::Chains::kNoFilter) {
    hub::Mark mark;
    mark.filter = answer.filter;
    mark.joined = answer.sequence + 1;
    hub.place(id, std::move(mark));
  }
  if (answer.start) place_start(session, id, *answer.start);
}

// What is lost from here on it misses.
void note_gaps(Session& session, const Wanted& wanted) {
  Context& context = session.context;
  const std::string key = key_of(session, wanted.channel.text());
  if (!wanted.wants_gaps) return context.gaps.remove(key, session.ref);
  context.gaps.add(key,
                   context.exchange.partition_of(session.app->options.id, wanted.channel.text()),
                   session.ref, context.loop.clock().now());
}

void on_joined(Session& session, const Wanted& wanted, std::uint32_t token,
               const channel::JoinAnswer& answer) {
  hub::Hub& hub = session.context.hub;
  hub::Subscriptions& subscriptions = hub.subscriptions();
  const hub::SubscriptionId id =
      subscriptions.find(session.outlet, key_of(session, wanted.channel.text()));
  // Unsubscribed meanwhile, perhaps subscribed again: the home loop knows, and there is no welcome.
  if (id == hub::kNone || subscriptions.at(id).token != token) {
    if (!wanted.greeting.empty()) session.send(wanted.greeting);
    return;
  }
  if (answer.is_refused) {
    leave_channel(session, id);
    if (answer.is_cut_off) {
      return refuse(session, wanted.channel.text(),
                    {Refusal::kCutOff, "Unavailable",
                     "Other nodes cannot be reached now; subscribe again in a moment", 503});
    }
    return refuse(session, wanted.channel.text(),
                  {Refusal::kLimit, "LimitReached",
                   "The presence channel is full; see max_presence_members_per_channel", 403});
  }
  const bool is_again = subscriptions.is_active(id);
  bool tells_start = false;
  if (!is_again) {
    subscriptions.activate(id);
    tells_start = hub.tracks().begin(
        id, answer.filter, answer.start ? std::optional(answer.start->joined) : std::nullopt);
  }
  note_gaps(session, wanted);
  if (!wanted.greeting.empty()) return session.send(wanted.greeting);
  ++session.context.counters.subscribed;
  welcome(session, wanted, answer, tells_start);
  // The welcome may have been too much for who does not read.
  if (is_again && session.phase == Phase::kOpen) place_answer(session, id, answer);
}

// `existing`: the connection's subscription to this channel. It stays, and hears what is published
// meanwhile; filter and deltas are the new ones once the home loop has answered.
void join(Session& session, Wanted wanted, hub::SubscriptionId existing) {
  hub::Hub& hub = session.context.hub;
  const DeltaChoice deltas = settle_deltas(session, existing, wanted.channel);
  hub::SubscriptionId id = existing;
  if (existing == hub::kNone) {
    id = hub.subscriptions().begin(session.outlet, key_of(session, wanted.channel.text()),
                                   session.next_token++);
    hub.tracks().want(id, deltas.form_class);
  } else {
    hub.tracks().want_again(id, deltas.form_class);
  }
  channel::Join join{session.app, wanted.channel, 0, session.socket_id(), wanted.member};
  join.filter = wanted.filter;
  join.form_class = deltas.form_class;
  join.wants_bases = deltas.wants_bases;
  join.is_second = session.is_second;
  join.is_again = existing != hub::kNone;
  join.counted_class = hub.tracks().count_as(id, deltas.form_class);
  session.context.exchange.join(
      std::move(join),
      [&sessions = session.context.sessions, ref = session.ref, wanted = std::move(wanted),
       token = hub.subscriptions().at(id).token](const channel::JoinAnswer& answer) {
        Session* found = sessions.find(ref);
        if (found == nullptr || found->phase != Phase::kOpen) return;
        on_joined(*found, wanted, token, answer);
      });
}

void forget_member(Session& session, const std::string& channel) {
  if (!session.identity) return;
  const auto user = session.identity->member_users.find(channel);
  if (user == session.identity->member_users.end()) return;
  session.context.sessions.remove_user(session, user->second);
  session.identity->member_users.erase(user);
  session.identity->members.erase(channel);
}

void remember_member(Session& session, const std::string& channel, const pusher::Member& member) {
  Identity& identity = session.identify();
  identity.members[channel] = member.user_id_json;
  identity.member_users[channel] = member.user_id;
  session.context.sessions.add_user(session, member.user_id);
}

}  // namespace

std::string channel_of(const Session& session, hub::SubscriptionId id) {
  const hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  const std::string& key = subscriptions.log(subscriptions.at(id).channel).key;
  return key.substr(session.app->options.id.size() + 1);
}

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
  Wanted wanted{channel};
  if (channel.is_presence()) {
    wanted.member = parse_member(session, event);
    if (!wanted.member) return;
  }
  wanted.wants_gaps = event.wants_gaps;
  bool is_refused = false;
  wanted.filter = read_filter(session, event, is_refused);
  if (is_refused) return;
  if (wanted.member) {
    forget_member(session, channel.text());
    remember_member(session, channel.text(), *wanted.member);
  }
  if (channel.needs_auth()) session.is_authorized = true;
  note_wish(session, channel.text(), event.delta);
  join(session, std::move(wanted), existing);
}

void subscribe_to_user(Session& session, const model::ChannelName& channel, std::string greeting) {
  const hub::SubscriptionId existing =
      session.context.hub.subscriptions().find(session.outlet, key_of(session, channel.text()));
  if (existing != hub::kNone) return session.send(greeting);
  Wanted wanted{channel};
  wanted.greeting = std::move(greeting);
  join(session, std::move(wanted), hub::kNone);
}

void handle_unsubscribe(Session& session, const pusher::Unsubscribe& event) {
  const auto id =
      session.context.hub.subscriptions().find(session.outlet, key_of(session, event.channel));
  if (id != hub::kNone) leave_channel(session, id);
}

void leave_channel(Session& session, hub::SubscriptionId id) {
  const std::string channel = channel_of(session, id);
  const std::uint8_t counted = end_deltas(session, id, channel);
  session.context.hub.end(id);
  session.context.gaps.remove(model::channel_key(session.app->options.id, channel), session.ref);
  forget_member(session, channel);
  session.context.exchange.leave(session.app->options.id, channel, session.socket_id(),
                                 {counted, session.is_second});
}

}  // namespace mr::session
