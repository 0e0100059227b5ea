#include "channel/home.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "delta/conflation_key.h"
#include "pusher/encode.h"

namespace mr::channel {
namespace {

// Pusher: at most one subscription_count a second, above 100 subscribers one in five.
constexpr std::uint32_t kManySubscribers = 100;
constexpr base::Duration kCountInterval = std::chrono::seconds(1);
constexpr base::Duration kCountIntervalOfMany = std::chrono::seconds(5);
// How soon a release that met a full mailbox looks again.
constexpr base::Duration kMailboxRetry = std::chrono::milliseconds(1);
// Chains of channels with coordination whose count is remembered.
constexpr std::size_t kCountedChainsMax = 100'000;

model::Verdict verdict_of(Order order) {
  if (order == Order::kFull) return model::Verdict::kFull;
  return order == Order::kDelta ? model::Verdict::kDelta : model::Verdict::kNone;
}

}  // namespace

Home::Home(LoopPort& port, OrderSource& order, Options options, std::uint64_t hash_seed)
    : port_(port),
      order_(order),
      options_(options),
      channels_(0, base::TextHash{hash_seed}),
      interval_counts_(kCountedChainsMax, hash_seed),
      cached_(std::make_unique<CachedEvents>(
          Cache::Limits{options.cache_entries_max, options.cache_bytes_max, options.cache_ttl},
          options.partitions, port.clock(), hash_seed)),
      foreign_(hash_seed),
      hash_seed_(hash_seed) {
  chain_shop_->encode = [this](delta::Algorithm algorithm, std::string_view base,
                               std::string_view target, std::size_t bytes_max, std::string& out) {
    return encoder_.encode(algorithm, base, target, bytes_max, out);
  };
  chain_shop_->text_head = options.text_head;
  chain_shop_->bytes_max = options.chain_bytes_max;
}

HomeChannel* Home::find(const std::string& key) const {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : found->second.get();
}

HomeChannel& Home::find_or_create(const std::string& key, const model::AppRef& app,
                                  const model::ChannelName& name) {
  if (HomeChannel* channel = find(key)) return *channel;
  const std::uint32_t partition = bus_partition(app->options.id, name.text(), options_.partitions);
  auto made = std::make_unique<HomeChannel>(key, app, name, partition, port_.loop_count());
  HomeChannel& channel = *made;
  channels_.emplace(channel.key, std::move(made));
  if (options_.chain_policy != nullptr) {
    const ChainOptionsRef settings = options_.chain_policy->find(*app, name);
    if (settings && settings->keeps_bases) ensure_chains(channel);
  }
  return channel;
}

void Home::drop_if_unused(HomeChannel& channel) {
  if (channel.subscription_count != 0 || channel.fifo) return;
  const auto found = channels_.find(channel.key);
  MR_ASSERT(found != channels_.end(), "a channel outside its map");
  channels_.erase(found);
}

void Home::publish(Publish publish, OnReleased done) {
  const std::string key = model::channel_key(publish.app->options.id, publish.channel.text());
  // A bus partition has many channels, most of them without subscribers here.
  const bool is_for_others = publish.is_remote && !publish.is_returned;
  if (is_for_others && !publish.channel.is_cache() && find(key) == nullptr) {
    ++counters_.unheard;
    return done({});
  }
  const bool is_own = !publish.is_remote;
  if (is_own && nodes_->reach() == Reach::kNone) {
    ++counters_.refused_cut_off;
    return done({PublishStatus::kCutOff, {publish.channel.text()}, Reach::kNone});
  }
  HomeChannel& channel = find_or_create(key, publish.app, publish.channel);
  if (!channel.fifo) channel.fifo = std::make_unique<HomeChannel::Fifo>();
  HomeChannel::Fifo& fifo = *channel.fifo;
  if (fifo.pending.size() >= options_.fifo_messages_max) {
    ++counters_.refused_full;
    done({PublishStatus::kOverloaded, counts(channel)});
    return;
  }
  const std::uint64_t ticket = fifo.first_ticket + fifo.pending.size();
  const bool goes_first = is_own && nodes_->are_there() && is_broker_ordered(channel.name);
  if (!goes_first) ++counters_.accepted;
  fifo.pending.push_back({std::move(publish), std::move(done), goes_first});
  ask_for_place(channel, ticket);
}

// The record stays while its FIFO is not empty, so the reference is good until the answer.
void Home::on_ordered(HomeChannel& channel, std::uint64_t ticket, Order order) {
  HomeChannel::Fifo& fifo = *channel.fifo;
  const std::uint64_t index = ticket - fifo.first_ticket;
  MR_ASSERT(index < fifo.pending.size(), "an order for a message that is gone");
  Pending& pending = fifo.pending[index];
  MR_ASSERT(!pending.is_ordered, "ordered twice");
  pending.is_ordered = true;
  pending.order = order;
  // A continuation of the drain below may publish again; that one's turn comes in the same loop.
  if (index == 0 && !fifo.is_draining) drain(channel);
}

void Home::drain(HomeChannel& channel) {
  HomeChannel::Fifo& fifo = *channel.fifo;
  if (fifo.is_waiting) return;
  fifo.is_draining = true;
  while (!fifo.pending.empty() && fifo.pending.front().is_ordered) {
    if (must_wait(channel)) {
      ++counters_.paused_mailbox;
      fifo.is_waiting = true;
      fifo.is_draining = false;
      port_.after(kMailboxRetry, [this, &channel] {
        channel.fifo->is_waiting = false;
        drain(channel);
      });
      return;
    }
    Pending pending = std::move(fifo.pending.front());
    fifo.pending.pop_front();
    ++fifo.first_ticket;
    release(channel, std::move(pending));
  }
  fifo.is_draining = false;
  if (fifo.pending.empty()) {
    channel.fifo.reset();
    drop_if_unused(channel);
  }
}

bool Home::must_wait(const HomeChannel& channel) const {
  for (std::size_t loop = 0; loop < channel.subscribers_by_loop.size(); ++loop) {
    if (channel.subscribers_by_loop[loop] == 0 || loop == port_.self()) continue;
    if (port_.mailbox_bytes(loop) >= options_.mailbox_bytes_max) return true;
  }
  return false;
}

void Home::release(HomeChannel& channel, Pending pending) {
  if (pending.order == Order::kRefuse) {
    ++counters_.refused_order;
    pending.done({PublishStatus::kOverloaded, counts(channel)});
    return;
  }
  decide(channel, pending);
  if (pending.goes_first) return send_ordered(channel, std::move(pending));
  ++counters_.released;
  ++channel.sequence;
  Publish& publish = pending.publish;
  const bool is_for_us = publish.except_node.empty() || publish.except_node != options_.node_name;
  if (channel.subscription_count != 0 && is_for_us) {
    fan_out(channel, make_message(channel, publish, pending.order));
  }
  if (!publish.is_remote) {
    if (publish.is_kept()) publish.version = nodes_->shared().next_version();
    publish.version.number = nodes_->send(channel.partition, publish);
  }
  if (publish.is_kept()) keep(channel, publish);
  pending.done({PublishStatus::kReleased, counts(channel), nodes_->reach()});
}

void Home::keep(const HomeChannel& channel, Publish& publish) {
  CachedEvent event{std::move(publish.event), std::move(publish.data), std::move(publish.tags)};
  event.version = publish.version;
  const bool is_foreign = publish.is_remote && !publish.is_returned;
  if (is_foreign) return cached_->keep(channel.key, std::move(event));
  cached_->keep_own(channel.key, std::move(event));
}

// Who had it as the cached event does not get it again, nor what its origin sent before it.
model::LeftOut Home::left_out(HomeChannel& channel, const Publish& publish) const {
  const auto early = channel.early.find(publish.version.origin);
  if (early == channel.early.end() || !publish.is_remote) return publish.except;
  auto had = std::make_shared<std::vector<model::SocketId>>();
  std::erase_if(early->second, [&](const auto& one) {
    const auto& [socket, time] = one;
    if (publish.version.time <= time) had->push_back(socket);
    return publish.version.time >= time;
  });
  if (early->second.empty()) channel.early.erase(early);
  if (MR_PLANTED("cached_event_twice")) had->clear();
  return {publish.except, std::move(had)};
}

model::MessageRef Home::make_message(HomeChannel& channel, const Publish& publish, Order order) {
  model::LeftOut except = left_out(channel, publish);
  std::string tagged;
  if (has_tagged_form(channel, publish)) {
    tagged =
        pusher::tagged_event(publish.event, publish.channel.text(), publish.data, publish.tags);
  }
  if (!channel.chains) {
    model::MessageRef second;
    if (!tagged.empty()) {
      second =
          base::make_ref<const model::Message>(channel.key, options_.text_frame(tagged), except);
    }
    return base::make_ref<const model::Message>(channel.key, options_.text_frame(encode(publish)),
                                                std::move(except), std::move(second),
                                                publish.priority);
  }
  Draft draft;
  if (!tagged.empty()) draft.second_frame = options_.text_frame(tagged);
  draft.second_text = std::move(tagged);
  draft.channel_key = channel.key;
  draft.channel = channel.name.text();
  draft.event = publish.event;
  draft.data = publish.data;
  draft.text = encode(publish);
  draft.frame = options_.text_frame(draft.text);
  draft.except = std::move(except);
  draft.priority = publish.priority;
  draft.number = channel.sequence;
  draft.is_placed = publish.verdict != model::Verdict::kNone;
  draft.verdict = draft.is_placed ? publish.verdict : verdict_of(order);
  if (MR_PLANTED(publish.is_remote ? "receiver_ignores_verdict" : "originator_ignores_verdict")) {
    draft.verdict = {};
  }
  std::string key = publish.conflation_key;
  if (key.empty() && channel.chains->is_keyed() && !draft.is_placed) {
    key = delta::conflation_key(publish.data, channel.chains->key_path());
  }
  draft.conflation_key = key;
  draft.wish = publish.delta;
  draft.is_client_event = publish.is_client_event;
  draft.tags = &publish.tags;
  draft.now = port_.clock().now();
  model::MessageRef message = channel.chains->release(std::move(draft));
  schedule_expiry(channel);
  return message;
}

// Tags are only for protocol 2; client events have none.
bool Home::has_tagged_form(const HomeChannel& channel, const Publish& publish) const {
  return channel.second_count != 0 && channel.keeps_tags && !publish.tags.empty() &&
         !publish.is_client_event;
}

void Home::count_second(HomeChannel& channel, int change) {
  channel.second_count += static_cast<std::uint32_t>(change);
  if (change < 0 || options_.chain_policy == nullptr) return;
  const ChainOptionsRef settings = options_.chain_policy->find(*channel.app, channel.name);
  channel.keeps_tags = !settings || settings->keeps_tags;
}

Chains& Home::ensure_chains(HomeChannel& channel) {
  if (channel.chains) return *channel.chains;
  ChainOptionsRef settings;
  if (options_.chain_policy != nullptr) {
    settings = options_.chain_policy->find(*channel.app, channel.name);
  }
  if (!settings) settings = std::make_shared<const ChainOptions>();
  channel.chains = std::make_unique<Chains>(*chain_shop_, std::move(settings), hash_seed_);
  return *channel.chains;
}

void Home::drop_chains_if_unused(HomeChannel& channel) {
  if (channel.chains && channel.chains->is_unused()) channel.chains.reset();
}

void Home::schedule_expiry(HomeChannel& channel) {
  if (channel.is_expiry_due || channel.chains->chain_count() == 0) return;
  channel.is_expiry_due = true;
  // A little later than the age, so that a chain of that age is found.
  const base::Duration delay = channel.chains->age_max() + std::chrono::milliseconds(1);
  port_.after(delay, [this, key = channel.key] {
    HomeChannel* found = find(key);
    if (found == nullptr || !found->is_expiry_due) return;
    found->is_expiry_due = false;
    if (!found->chains) return;
    found->chains->expire(port_.clock().now());
    schedule_expiry(*found);
  });
}

DeltaStart Home::start(const Start& start) {
  HomeChannel* channel = find(start.key);
  if (channel == nullptr) return {};  // it left meanwhile
  // Refused, and its loop does not know yet: nobody counted it.
  if (channel->name.is_presence() && member_of(start.key, start.socket) == nullptr) return {};
  recount(*channel, start.counted_class, start.form_class);
  if (start.form_class == delta::FormClass::kNone) {
    drop_chains_if_unused(*channel);
    return {};
  }
  return ensure_chains(*channel).start(start.socket, {channel->name.text(), start.form_class,
                                                      start.wants_bases, channel->sequence + 1});
}

Filtered Home::choose(const std::string& key, const model::SocketId& socket,
                      filter::FilterRef filter) {
  HomeChannel* channel = find(key);
  if (channel == nullptr) return {};
  Filtered filtered;
  filtered.next = channel->sequence + 1;
  if (filter || channel->chains) {
    filtered.filter = ensure_chains(*channel).choose(socket, std::move(filter));
  }
  drop_chains_if_unused(*channel);
  return filtered;
}

void Home::recount(HomeChannel& channel, std::uint8_t from, std::uint8_t to) {
  if (from == to) return;
  Chains& chains = ensure_chains(channel);
  chains.count(to, 1);
  chains.count(from, -1);
}

void Home::configure_chains() {
  if (options_.chain_policy == nullptr) return;
  for (auto& [key, channel] : channels_) {
    channel->is_coordination_known = false;
    if (!channel->chains && channel->second_count == 0) continue;
    auto settings = options_.chain_policy->find(*channel->app, channel->name);
    if (!settings) continue;
    channel->keeps_tags = settings->keeps_tags;
    if (channel->chains) channel->chains->configure(std::move(settings));
  }
}

void Home::fan_out(HomeChannel& channel, const model::MessageRef& message) {
  for (std::size_t loop = 0; loop < channel.subscribers_by_loop.size(); ++loop) {
    if (channel.subscribers_by_loop[loop] == 0) continue;
    Subscribers* subscribers = subscribers_[loop];
    if (loop == port_.self()) {
      subscribers->deliver(message);
    } else {
      port_.post(loop, [subscribers, message] { subscribers->deliver(message); }, message->bytes());
    }
  }
}

void Home::announce(HomeChannel& channel, const std::string& text,
                    std::optional<model::SocketId> except) {
  if (channel.subscription_count == 0) return;
  model::MessageRef second;
  if (channel.second_count != 0) {
    second = base::make_ref<const model::Message>(
        channel.key, options_.text_frame(pusher::in_second_names(text)), except);
  }
  fan_out(channel, base::make_ref<const model::Message>(channel.key, options_.text_frame(text),
                                                        except, std::move(second)));
}

JoinAnswer Home::join(const Join& join) {
  const std::string key = model::channel_key(join.app->options.id, join.channel.text());
  // A connection that joins again is no news to the others, unless it brings other data.
  const pusher::Member* const before = join.member ? member_of(key, join.socket) : nullptr;
  const bool is_counted = join.member ? before != nullptr : join.is_again;
  const bool is_news = join.member && (before == nullptr || !(*before == *join.member));
  // An earlier join of a member may have been refused.
  const std::uint8_t counted_class = is_counted ? join.counted_class : delta::FormClass::kNone;
  HomeChannel& channel = find_or_create(key, join.app, join.channel);
  JoinAnswer answer;
  // Counted in like any other, and out again when it leaves: a leave may be on its way already.
  answer.is_cut_off = !is_counted && nodes_->reach() == Reach::kNone &&
                      join.channel.kind() != model::ChannelKind::kServerToUser;
  answer.is_refused = answer.is_cut_off;
  const bool is_unwelcome = is_news && answer.is_cut_off;
  if (is_unwelcome || (is_news && !join_presence(channel, join))) {
    answer.is_refused = true;
    if (is_counted) uncount(channel, join.loop, join.socket, {counted_class, join.is_second});
    return answer;
  }
  if (join.member) answer.members = members_of(channel);
  if (!is_counted) {
    ++channel.subscribers_by_loop[join.loop];
    if (++channel.subscription_count == 1) {
      nodes_->occupy(channel.partition);
      if (channel.name.is_cache()) cached_->reads().occupy(channel.partition, key);
    }
    if (join.is_second) count_second(channel, 1);
    tell_count(channel);
  }
  answer.subscription_count = subscriptions_of(channel);
  answer.sequence = channel.sequence;
  if (channel.name.is_cache()) {
    answer.cached = cached_->get(key);
    if (answer.cached && answer.cached->is_ahead) {
      const CacheVersion& version = answer.cached->version;
      channel.early[version.origin][join.socket] = version.time;
    }
  }
  if (join.filter || channel.chains) answer.filter = choose(key, join.socket, join.filter).filter;
  if (join.form_class != delta::FormClass::kNone || counted_class != delta::FormClass::kNone) {
    DeltaStart begun = start({key, join.socket, counted_class, join.form_class, join.wants_bases});
    if (join.form_class != delta::FormClass::kNone) answer.start = std::move(begun);
  }
  count_changed(channel);
  return answer;
}

const pusher::Member* Home::member_of(const std::string& key, const model::SocketId& socket) const {
  const HomeChannel* channel = find(key);
  return channel != nullptr && channel->presence ? channel->presence->find(socket) : nullptr;
}

void Home::leave(const std::string& key, std::size_t loop, const model::SocketId& socket,
                 Counted counted) {
  HomeChannel* channel = find(key);
  if (channel == nullptr) return;  // a refused join was the channel's only trace
  if (channel->name.is_presence()) {
    bool was_here = false;
    auto gone = channel->presence ? channel->presence->leave(socket, was_here) : std::nullopt;
    if (!was_here) return drop_if_unused(*channel);
    if (gone) member_went(*channel, *gone, socket);
  }
  uncount(*channel, loop, socket, counted);
}

void Home::uncount(HomeChannel& channel, std::size_t loop, const model::SocketId& socket,
                   Counted counted) {
  MR_ASSERT(channel.subscribers_by_loop[loop] > 0, "left more often than joined");
  --channel.subscribers_by_loop[loop];
  for (auto& [origin, early] : channel.early) early.erase(socket);
  if (--channel.subscription_count == 0) {
    nodes_->vacate(channel.partition);
    if (channel.name.is_cache()) cached_->reads().vacate(channel.partition, channel.key);
  }
  if (counted.is_second) count_second(channel, -1);
  tell_count(channel);
  if (channel.chains) {
    channel.chains->choose(socket, nullptr);
    channel.chains->count(counted.form_class, -1);
    drop_chains_if_unused(channel);
  }
  count_changed(channel);
  drop_if_unused(channel);
}

void Home::count_changed(HomeChannel& channel) {
  const bool is_user = channel.name.kind() == model::ChannelKind::kServerToUser;
  if (!channel.app->options.enable_subscription_count || channel.name.is_presence() || is_user) {
    return;
  }
  if (channel.is_count_due || channel.subscription_count == 0) return;
  channel.is_count_due = true;
  const auto interval =
      subscriptions_of(channel) > kManySubscribers ? kCountIntervalOfMany : kCountInterval;
  const auto due = channel.count_announced + interval;
  const auto now = port_.clock().now();
  const base::Duration delay = due > now ? due - now : base::Duration::zero();
  port_.after(delay, [this, key = channel.key] { announce_count(key); });
}

void Home::announce_count(const std::string& key) {
  HomeChannel* channel = find(key);
  if (channel == nullptr || !channel->is_count_due) return;
  channel->is_count_due = false;
  channel->count_announced = port_.clock().now();
  announce(*channel, pusher::subscription_count(channel->name.text(), subscriptions_of(*channel)));
}

ChannelCounts Home::counts(const HomeChannel& channel) const {
  const bool is_presence = channel.name.is_presence();
  return {channel.name.text(), subscriptions_of(channel),
          is_presence ? static_cast<std::uint32_t>(members_of(channel).size()) : 0};
}

}  // namespace mr::channel
