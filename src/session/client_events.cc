#include <string>
#include <utility>

#include "base/cut_utf8.h"
#include "pusher/encode.h"
#include "session/dialogue.h"
#include "session/sessions.h"

namespace mr::session {
namespace {

void refuse(Session& session, Refusal reason, std::string_view why) {
  session.context.counters.refuse(reason);
  session.send(pusher::error(pusher::number(pusher::CloseCode::kClientEventRefused), why));
}

// A window of one second per connection, as Pusher counts.
bool within_rate(Session& session) {
  const std::uint32_t limit = session.app->options.max_client_events_per_second;
  if (limit == 0) return true;
  const std::uint32_t second = session.context.sessions.tick();
  if (session.event_second != second) {
    session.event_second = second;
    session.events_in_second = 0;
  }
  return ++session.events_in_second <= limit;
}

// `channel`: null when the name is none.
std::string check(Session& session, const pusher::ClientMessage& event,
                  const model::ChannelName* channel) {
  const model::AppOptions& options = session.app->options;
  if (!options.enable_client_messages) {
    return "Client events are not enabled for this app; set enable_client_messages";
  }
  if (event.event.size() > options.max_event_name_length) {
    return "The event name has " + std::to_string(event.event.size()) +
           " characters, the limit is " + std::to_string(options.max_event_name_length);
  }
  const std::size_t bytes_max = std::size_t{options.max_event_payload_in_kb} * 1024;
  if (bytes_max != 0 && event.data.size() > bytes_max) {
    return "The data has " + std::to_string(event.data.size()) + " bytes, the limit is " +
           std::to_string(bytes_max);
  }
  if (channel == nullptr || !channel->allows_client_events()) {
    return "Client events go to private and presence channels only, not to " +
           std::string(base::cut_utf8(event.channel, 200));
  }
  const hub::Subscriptions& subscriptions = session.context.hub.subscriptions();
  const auto id = subscriptions.find(session.outlet, model::channel_key(options.id, event.channel));
  if (id == hub::kNone || !subscriptions.is_active(id)) {
    return "Subscribe to " + event.channel + " before sending client events to it";
  }
  return {};
}

}  // namespace

void handle_client_event(Session& session, pusher::ClientMessage&& event) {
  auto channel =
      model::ChannelName::parse(event.channel, session.app->options.max_channel_name_length);
  const std::string why = check(session, event, channel ? &channel.value() : nullptr);
  if (!why.empty()) return refuse(session, Refusal::kClientEvent, why);
  if (!within_rate(session)) {
    return refuse(session, Refusal::kClientEventRate,
                  "Client event rejected due to rate limit: " +
                      std::to_string(session.app->options.max_client_events_per_second) +
                      " a second");
  }
  ++session.context.counters.client_events;
  channel::Publish publish{session.app,
                           std::move(channel).value(),
                           std::move(event.event),
                           std::move(event.data),
                           session.socket_id(),
                           {},
                           true};
  if (publish.channel.is_presence() && session.identity) {
    const auto member = session.identity->members.find(event.channel);
    if (member != session.identity->members.end()) publish.user_id = member->second;
  }
  Sessions& sessions = session.context.sessions;
  session.context.exchange.publish_one(
      std::move(publish), [&sessions, ref = session.ref](const channel::Released& released) {
        if (released.status == channel::PublishStatus::kReleased) return;
        Session* const found = sessions.find(ref);
        if (found == nullptr) return;
        if (released.status == channel::PublishStatus::kOverloaded) {
          return refuse(*found, Refusal::kOverloaded,
                        "The channel has too many messages waiting; slow down");
        }
        refuse(*found, Refusal::kCutOff,
               released.status == channel::PublishStatus::kCutOff
                   ? "Other nodes cannot be reached now; send it again in a moment"
                   : "The broker did not give the event back in time; it may still come");
      });
}

}  // namespace mr::session
