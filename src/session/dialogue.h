#pragma once

#include <string>
#include <string_view>

#include "hub/types.h"
#include "pusher/decode.h"
#include "session/deltas.h"
#include "session/session.h"

namespace mr::session {

// What the messages of a client mean (Pusher protocol 7). Each function acts on one open session,
// on its loop; answers that need a home loop come later and find the session by reference.

void handle_message(Session& session, std::string_view text);

// subscribing.cc
void handle_subscribe(Session& session, pusher::Subscribe&& event);
void handle_unsubscribe(Session& session, const pusher::Unsubscribe& event);
// Joins the user's own channel at sign-in; the client hears the greeting when it has joined.
void subscribe_to_user(Session& session, const model::ChannelName& channel, std::string greeting);
// The name of a subscription's channel.
std::string channel_of(const Session& session, hub::SubscriptionId id);
// Ends one subscription here and at the channel's home.
void leave_channel(Session& session, hub::SubscriptionId subscription);

// client_events.cc
void handle_client_event(Session& session, pusher::ClientMessage&& event);

// sign_in.cc
void handle_sign_in(Session& session, const pusher::Signin& event);
void sign_out(Session& session);

}  // namespace mr::session
