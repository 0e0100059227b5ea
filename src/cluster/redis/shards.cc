#include "cluster/redis/shards.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cluster/redis/error_text.h"
#include "cluster/redis/server_facts.h"

namespace mr::cluster::redis {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(50);
// Between two readings of the map: while all is well, and while something is not.
constexpr base::Duration kCalm = std::chrono::seconds(2);
constexpr base::Duration kTroubled = std::chrono::milliseconds(100);
// For so long a redirection is believed against maps.
constexpr base::Duration kLearned = std::chrono::seconds(1);

}  // namespace

struct Shards::Request {
  std::uint16_t slot = 0;
  bool is_redirected = false;
  std::string wire;  // the command as it is sent
  OnReply on_reply;
};

// What is under way of one slot. What comes new waits until the owner's predecessors have answered.
struct Shards::Flow {
  struct Count {
    const Link* link = nullptr;
    std::uint32_t sent = 0;  // and not answered
  };
  std::vector<Count> at;
  std::vector<Request> held;

  std::uint32_t& sent_to(const Link* link) {
    for (Count& count : at) {
      if (count.link == link) return count.sent;
    }
    return at.emplace_back(Count{link, 0}).sent;
  }
  bool is_at_others(const Link* link) const {
    return std::ranges::any_of(
        at, [link](const Count& count) { return count.link != link && count.sent > 0; });
  }
};

class Shards::Link final : public ConnectionEvents {
 public:
  Link(Shards& shards, const net::Address& server)
      : shards_(shards),
        options_(options_for(shards.options_, server)),
        wait(options_.retry_min),
        connection(shards.loop_, shards.resolver_, options_, *this) {}

  void on_ready() override { shards_.ready(*this); }
  void on_push(const Reply&) override {}
  void on_closed(std::string_view why) override { shards_.lost(*this, why); }

  net::Address server() const { return {options_.host, options_.port}; }

 private:
  static RedisOptions options_for(const RedisOptions& of, const net::Address& server) {
    RedisOptions own = of;
    own.host = server.host;
    own.port = server.port;
    return own;
  }

  Shards& shards_;
  const RedisOptions options_;

 public:
  bool is_up() const { return connection.is_ready() && takes_commands && life != StoreLife::kNone; }

  bool is_opening = false;
  bool takes_commands = false;  // its cluster does, it said on this connection
  bool is_judged = false;       // it could not be reached, or has said whether it takes commands
  bool is_asked_for_map = false;
  StoreLife life = StoreLife::kNone;
  std::uint32_t waiting = 0;
  base::TimePoint next_try{};
  base::Duration wait;
  std::vector<Request> queued;  // redirected here before it was ready
  std::vector<bool> asks;       // of `queued`: ASKING first
  Connection connection;
};

Shards::Shards(net::Loop& loop, net::Resolver& resolver, RedisOptions options, ShardsEvents& events)
    : loop_(loop), resolver_(resolver), options_(std::move(options)), events_(events) {}

Shards::~Shards() {
  *alive_ = false;
  close();
}

void Shards::open() {
  if (std::exchange(is_open_, true)) return;
  for (const auto& link : links_) {
    link->is_judged = false;
    link->next_try = {};
  }
  for (const net::Address& node : options_.cluster_nodes) link_to(node);
  tick_ = loop_.after(base::Duration::zero(), [this] { tick(); });
}

void Shards::close() {
  if (!std::exchange(is_open_, false)) return;
  loop_.cancel(std::exchange(tick_, net::TimerId::kNone));
  const Reply lost{.kind = Reply::Kind::kLost, .text = "closed"};
  for (const auto& link : links_) {
    link->connection.close();
    link->is_opening = false;
    for (Request& request : std::exchange(link->queued, {}))
      request.on_reply(lost, StoreLife::kNone);
  }
  for (auto& [slot, flow] : flows_) {
    for (Request& request : std::exchange(flow.held, {})) request.on_reply(lost, StoreLife::kNone);
  }
  // Links stay until the tick after the next open(): one of them may be reporting.
  map_ = {};
  epoch_ = 0;
}

// --- links -------------------------------------------------------------------------------------

Shards::Link* Shards::find(const net::Address& server) const {
  for (const auto& link : links_) {
    if (is_same(link->server(), server)) return link.get();
  }
  return nullptr;
}

Shards::Link& Shards::link_to(const net::Address& server) {
  if (Link* const known = find(server)) return *known;
  return *links_.emplace_back(std::make_unique<Link>(*this, server));
}

Shards::Link* Shards::owner_link(std::uint16_t slot) const {
  const net::Address* const server = map_.owner(slot);
  return server == nullptr ? nullptr : find(*server);
}

bool Shards::is_ready(std::uint16_t slot) const {
  const Link* const link = owner_link(slot);
  return link != nullptr && link->is_up();
}

bool Shards::is_any_up() const {
  return std::ranges::any_of(links_, [](const auto& link) { return link->is_up(); });
}

bool Shards::is_settled() const {
  return !map_.is_empty() &&
         std::ranges::all_of(links_, [](const auto& link) { return link->is_judged; });
}

void Shards::ready(Link& link) {
  link.is_opening = link.is_judged = link.takes_commands = false;
  link.life = StoreLife::kNone;
  learn_facts(link);
  link.wait = options_.retry_min;
  std::vector<Request> queued = std::exchange(link.queued, {});
  std::vector<bool> asks = std::exchange(link.asks, {});
  for (std::size_t i = 0; i < queued.size(); ++i) {
    if (asks[i]) link.connection.command(std::array<std::string_view, 1>{"ASKING"}, [](auto&) {});
    send(link, std::move(queued[i]));
  }
  // The first one that answers says that it is worth to try the others at once.
  const bool is_first = std::ranges::none_of(links_, [&](const auto& other) {
    return other.get() != &link && other->connection.is_ready();
  });
  if (is_first) {
    for (const auto& other : links_) {
      other->is_judged = false;
      other->next_try = {};
    }
  }
  refresh();
  report_later();
}

void Shards::lost(Link& link, std::string_view why) {
  link.is_opening = link.takes_commands = false;
  link.is_judged = true;
  const auto half = static_cast<std::uint64_t>((link.wait / 2).count());
  link.next_try =
      loop_.clock().now() + link.wait / 2 + base::Duration(loop_.random().below(half + 1));
  link.wait = std::min(link.wait * 2, options_.retry_max);
  is_map_old_ = true;
  const Reply none{.kind = Reply::Kind::kLost, .text = std::string(why)};
  link.asks.clear();
  for (Request& request : std::exchange(link.queued, {})) {
    bytes_ -= request.wire.size();
    --flows_[request.slot].sent_to(&link);
    request.on_reply(none, StoreLife::kNone);
    settle(request.slot);
  }
  const bool has_one =
      std::ranges::any_of(links_, [](const auto& each) { return each->connection.is_ready(); });
  // Another cluster may come where this one was.
  if (!has_one) epoch_ = 0;
  if (is_open_) events_.on_shard_lost(link.server(), why);
  report_later();
}

// --- time --------------------------------------------------------------------------------------

void Shards::tick() {
  tick_ = loop_.after(kTick, [this] { tick(); });
  const base::TimePoint now = loop_.clock().now();
  drop_strangers();
  open_links(now);
  if (now - asked_ >= (is_map_old_ || is_troubled() ? kTroubled : kCalm)) refresh();
}

void Shards::open_links(base::TimePoint now) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    Link& link = *links_[i];
    if (link.connection.is_ready() || link.is_opening || now < link.next_try) continue;
    link.is_opening = true;
    link.connection.open();
  }
}

// Those that have no slots: named at the start, or primaries no more.
void Shards::drop_strangers() {
  if (map_.is_empty()) return;
  const std::vector<net::Address> owners = map_.owners();
  const auto is_stranger = [&](const std::unique_ptr<Link>& link) {
    if (link->waiting > 0 || !link->queued.empty()) return false;
    return std::ranges::none_of(
        owners, [&](const net::Address& owner) { return is_same(owner, link->server()); });
  };
  // While nobody answers, whoever was named at the start may know more.
  const bool has_one = std::ranges::any_of(
      links_, [&](const auto& link) { return link->connection.is_ready() && !is_stranger(link); });
  if (!has_one) {
    for (const net::Address& node : options_.cluster_nodes) link_to(node);
    return;
  }
  for (const auto& link : links_) {
    if (!is_stranger(link)) continue;
    link->connection.close();
    for (auto& [slot, flow] : flows_) {
      std::erase_if(flow.at, [&](const Flow::Count& count) { return count.link == link.get(); });
    }
  }
  std::erase_if(links_, is_stranger);
}

// --- the map -----------------------------------------------------------------------------------

bool Shards::is_troubled() const {
  return map_.is_empty() ||
         std::ranges::any_of(links_, [](const auto& link) { return !link->is_up(); });
}

void Shards::learn(const Redirection& moved) {
  link_to(moved.to);
  map_.move(moved.slot, moved.to);
  std::erase_if(learned_, [&](const Learned& known) { return known.slot == moved.slot; });
  learned_.push_back({moved.slot, moved.to, loop_.clock().now()});
  is_map_old_ = true;
  report_later();
}

// Before it says whether it takes commands, which comes behind it.
void Shards::learn_facts(Link& link) {
  ++link.waiting;
  link.connection.encoded(
      encode_command(std::array<std::string_view, 1>{"INFO"}), [this, &link](const Reply& reply) {
        --link.waiting;
        if (reply.is_error() && is_open_) {
          events_.on_shard_lost(link.server(), explain("Redis at " + link.connection.where(),
                                                       "INFO", reply.text, options_));
        }
        if (reply.kind != Reply::Kind::kText) return;
        link.life = life_of(reply.text);
        if (is_open_) events_.on_shard_facts(link.server(), reply.text);
      });
}

// All say how they are; one that is well says where the slots are.
void Shards::refresh() {
  const base::TimePoint now = loop_.clock().now();
  asked_ = now;
  is_map_old_ = false;
  if (!links_.empty()) links_[next_asked_++ % links_.size()]->is_asked_for_map = true;
  for (const auto& each : links_) {
    Link* const link = each.get();
    if (!link->connection.is_ready()) continue;
    ++link->waiting;
    const bool is_sent = link->connection.command(
        std::array<std::string_view, 2>{"CLUSTER", "INFO"}, [this, link](const Reply& reply) {
          --link->waiting;
          if (reply.kind != Reply::Kind::kText) return;
          read_map(*link, read_cluster_info(reply.text));
        });
    if (!is_sent) --link->waiting;
  }
}

void Shards::read_map(Link& link, const ClusterState& state) {
  const bool did_take = std::exchange(link.takes_commands, state.is_ok);
  if (!std::exchange(link.is_judged, true) || did_take != state.is_ok) report_later();
  const bool is_news = state.epoch > epoch_ || map_.is_empty();
  const bool is_asked_for = std::exchange(link.is_asked_for_map, false);
  if (!is_news && (!is_asked_for || state.epoch < epoch_ || !state.is_ok)) return;
  if (!state.is_ok && !map_.is_empty()) return;
  ++link.waiting;
  const std::uint64_t epoch = state.epoch;
  const bool is_sent =
      link.connection.command(std::array<std::string_view, 2>{"CLUSTER", "SLOTS"},
                              [this, &link, epoch](const Reply& reply) {
                                --link.waiting;
                                auto read = SlotMap::read(reply, link.server().host);
                                if (!read.ok() || epoch < epoch_ || read.value().is_empty()) return;
                                epoch_ = epoch;
                                take_map(std::move(read).value());
                              });
  if (!is_sent) --link.waiting;
}

// Servers hear of a move one after another: what one said of a slot goes before another's map.
void Shards::take_map(SlotMap map) {
  const base::TimePoint now = loop_.clock().now();
  std::erase_if(learned_, [now](const Learned& known) { return now - known.at > kLearned; });
  for (const Learned& known : learned_) map.move(known.slot, known.to);
  for (const net::Address& owner : map.owners()) link_to(owner);
  if (map_ == map) return;
  map_ = std::move(map);
  report_later();
}

void Shards::report_later() {
  if (!is_open_ || std::exchange(is_report_due_, true)) return;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    is_report_due_ = false;
    if (!is_open_) return;
    open_links(loop_.clock().now());
    events_.on_shards_changed();
  });
}

// --- commands ----------------------------------------------------------------------------------

bool Shards::command(std::uint16_t slot, std::span<const std::string_view> args, OnReply on_reply) {
  Link* const link = owner_link(slot);
  if (link == nullptr || !link->is_up()) return false;
  Request request{slot, false, encode_command(args), std::move(on_reply)};
  if (bytes_ + request.wire.size() > options_.queue_bytes_max) return false;
  bytes_ += request.wire.size();
  Flow& flow = flows_[slot];
  if (!flow.held.empty() || flow.is_at_others(link)) {
    flow.held.push_back(std::move(request));
    return true;
  }
  ++flow.sent_to(link);
  send(*link, std::move(request));
  return true;
}

// It is counted in its flow already.
void Shards::send(Link& link, Request request) {
  ++link.waiting;
  auto sent = std::make_unique<Request>(std::move(request));
  const std::string_view wire = sent->wire;
  link.connection.encoded(wire, [this, &link, sent = std::move(sent)](const Reply& reply) {
    --link.waiting;
    --flows_[sent->slot].sent_to(&link);
    answered(link, std::move(*sent), reply);
  });
}

void Shards::answered(Link& link, Request request, const Reply& reply) {
  const std::uint16_t slot = request.slot;
  if (reply.is_error()) {
    if (reply.text.starts_with("CLUSTERDOWN")) {
      link.takes_commands = false;
      is_map_old_ = true;
      report_later();
    }
    const auto where = read_redirection(reply.text, link.server().host);
    if (where && where->slot == slot && redirect(request, *where)) return settle(slot);
  }
  bytes_ -= request.wire.size();
  request.on_reply(reply, link.life);
  settle(slot);
}

// At most once for each command: where two disagree, whoever asked hears it.
bool Shards::redirect(Request& request, const Redirection& where) {
  if (!where.is_ask) learn(where);
  if (request.is_redirected || !is_open_) return false;
  Link& link = link_to(where.to);
  request.is_redirected = true;
  ++redirections_;
  ++flows_[request.slot].sent_to(&link);
  if (!link.connection.is_ready()) {
    link.queued.push_back(std::move(request));
    link.asks.push_back(where.is_ask);
    return true;
  }
  if (where.is_ask) {
    link.connection.command(std::array<std::string_view, 1>{"ASKING"}, [](const Reply&) {});
  }
  send(link, std::move(request));
  return true;
}

// The owner takes what was held for it.
void Shards::settle(std::uint16_t slot) {
  Flow& flow = flows_[slot];
  Link* const link = owner_link(slot);
  if (flow.held.empty() || !is_open_ || (link != nullptr && flow.is_at_others(link))) return;
  for (Request& request : std::exchange(flow.held, {})) {
    if (link != nullptr && link->connection.is_ready()) {
      ++flows_[slot].sent_to(link);
      send(*link, std::move(request));
    } else {
      bytes_ -= request.wire.size();
      request.on_reply({.kind = Reply::Kind::kLost, .text = "the owner of its slot is away"},
                       StoreLife::kNone);
    }
  }
}

void Shards::flush() {
  for (const auto& link : links_) link->connection.flush();
}

std::size_t Shards::queued_bytes() const {
  std::size_t bytes = 0;
  for (const auto& link : links_) {
    bytes += link->connection.queued_bytes();
    for (const Request& request : link->queued) bytes += request.wire.size();
  }
  return bytes;
}

}  // namespace mr::cluster::redis
