#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/node_facts.h"
#include "cluster/types.h"
#include "model/priority.h"
#include "model/socket_id.h"
#include "model/tags.h"
#include "model/verdict.h"

namespace mr::cluster {

// What nodes say to each other (docs/cluster.md, "Envelopes"). Texts are owned: an envelope's
// bytes are gone when its callback returns.

// A publish or a client event, numbered per boot and bus partition. On its partition.
struct EventMessage {
  std::uint64_t sequence = 0;  // from 1
  std::string app_id;
  std::string channel;
  std::string event;
  std::string data;  // JSON text of the member
  std::optional<model::SocketId> except;
  std::string user_id;  // JSON text; client events on presence channels
  bool is_client_event = false;
  std::string conflation_key;
  std::optional<bool> delta;
  model::Tags tags;
  model::Verdict verdict = model::Verdict::kNone;
  std::uint8_t priority = model::kUsualPriority;  // in the header
  std::string except_node;                        // a node's name: its connections do not get it
  bool is_ordered = false;  // nobody has it before the broker gives it back, its sender neither
  std::uint64_t cache_time = 0;  // of an event of a cache channel: by HybridClock
  bool operator==(const EventMessage&) const = default;
};

// Proof that a silent partition is heard. On its partition.
struct ProbeMessage {
  bool operator==(const ProbeMessage&) const = default;
};

// "Say where you are on this partition." On control; every node that is named answers.
struct MarkRequest {
  std::uint32_t partition = 0;
  Generation generation = Generation::kNone;  // of the asker's subscription
  std::vector<BootId> wanted;
  bool operator==(const MarkRequest&) const = default;
};

// The last number that the sender gave on the partition, told through it. To the asker alone.
struct MarkMessage {
  BootId to = BootId::kNone;
  Generation generation = Generation::kNone;
  std::uint64_t tail = 0;
  bool operator==(const MarkMessage&) const = default;
};

// Numbers of a partition that did not come.
struct Gap {
  std::uint32_t partition = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const Gap&) const = default;
};

// Which channels were hit? To the origin, on control.
struct GapQuestion {
  BootId to = BootId::kNone;
  Gap gap;
  bool operator==(const GapQuestion&) const = default;
};

// The origin's answer, on control.
struct GapAnswer {
  BootId to = BootId::kNone;
  Gap gap;
  bool is_complete = false;  // false: the origin does not remember all of it
  // How many of the lost messages were for each channel.
  struct Hit {
    std::string app_id;
    std::string channel;
    std::uint64_t count = 0;
    bool operator==(const Hit&) const = default;
  };
  std::vector<Hit> hits;
  bool operator==(const GapAnswer&) const = default;
};

// "I am here." On control, after each connection; whoever hears it answers with a Welcome.
struct HelloMessage {
  std::string name;
  bool is_joining = false;  // it has published nothing yet
  bool operator==(const HelloMessage&) const = default;
};

// The hello of `to` is known to all loops of the sender. On control.
struct WelcomeMessage {
  BootId to = BootId::kNone;
  std::string name;
  bool operator==(const WelcomeMessage&) const = default;
};

// Partition and last number given on it.
using Tails = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

// How many subscriptions a node has on a channel; 0: none any more.
struct ShareCount {
  std::string app_id;
  std::string channel;
  std::uint64_t subscriptions = 0;
  bool operator==(const ShareCount&) const = default;
};

// A user on a presence channel of a node, with his first connection there or after his last one.
struct ShareUser {
  std::string app_id;
  std::string channel;
  std::string user_id;
  std::string user_id_json;
  std::string user_info_json;
  bool is_here = false;
  bool operator==(const ShareUser&) const = default;
};

// What changed of a node's share, or the share itself in parts. On control.
struct ShareMessage {
  std::uint64_t number = 0;  // of the change, from 1; of a whole share: of its last change
  std::vector<ShareCount> counts;
  std::vector<ShareUser> users;  // in order
  // Not 0: one of so many parts of a whole share, which belongs to `to` alone.
  std::uint64_t parts = 0;
  std::uint64_t part = 0;  // from 0, in order
  std::optional<BootId> to;
  bool operator==(const ShareMessage&) const = default;
};

// "Tell me your share." On control.
struct ShareRequest {
  BootId to = BootId::kNone;
  bool operator==(const ShareRequest&) const = default;
};

// A node's heartbeat, on control.
struct BeatMessage {
  std::uint64_t number = 0;  // from 1
  std::string name;
  std::string status;  // healthy, degraded, draining
  Tails tails;
  std::uint64_t share_number = 0;  // of its last change
  std::uint64_t share_digest = 0;  // over all that it holds
  NodeFacts facts{};
  NodeLoad load{};
  std::uint64_t clock = 0;           // by HybridClock
  std::uint64_t command_digest = 0;  // over the commands that it knows
  bool operator==(const BeatMessage&) const = default;
};

// The node ends, and sends nothing more. On control.
struct LeaveMessage {
  Tails tails;
  bool operator==(const LeaveMessage&) const = default;
};

// An event for every connection of an app, on control; numbered per boot, from 1.
struct BroadcastMessage {
  std::uint64_t number = 0;
  std::string app_id;
  std::string event;
  std::string data;  // JSON text of the member
  std::optional<model::SocketId> except;
  std::string except_node;                        // a node's name: its connections do not get it
  std::uint8_t priority = model::kUsualPriority;  // in the header
  bool operator==(const BroadcastMessage&) const = default;
};

// What a command orders. The numbers are on the wire and in the log, and stay for ever.
enum class CommandKind : std::uint8_t { kTerminateUser = 1 };

// "All nodes, do this", for what there was before its time.
struct Command {
  std::uint64_t id = 0;    // random
  std::uint64_t time = 0;  // by HybridClock
  CommandKind kind = CommandKind::kTerminateUser;
  std::string app_id;
  std::string user_id;
  bool operator==(const Command&) const = default;
};

// On control; and as a record, the log of all of them.
struct CommandMessage {
  std::vector<Command> commands;
  bool operator==(const CommandMessage&) const = default;
};

// Several envelopes of one subject in their order, or a long one compressed (BatchingBus). One that
// was read has `envelopes` alone.
struct BatchMessage {
  std::string envelopes;   // each behind its length
  std::string deflated;    // the same compressed, instead of it
  std::uint64_t size = 0;  // of the same when it is inflated
  bool operator==(const BatchMessage&) const = default;
};

using Message =
    std::variant<EventMessage, ProbeMessage, MarkRequest, MarkMessage, GapQuestion, GapAnswer,
                 HelloMessage, WelcomeMessage, BeatMessage, LeaveMessage, ShareMessage,
                 ShareRequest, BroadcastMessage, CommandMessage, BatchMessage>;

}  // namespace mr::cluster
