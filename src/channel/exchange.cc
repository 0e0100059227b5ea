#include "channel/exchange.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/planted.h"

namespace mr::channel {
namespace {

// Gathers one answer per loop or per home loop; `done` runs with the last.
template <class Result>
struct Gather {
  std::size_t missing = 0;
  Result result{};
  base::Function<void(Result)> done;

  void arrived() {
    if (--missing == 0) done(std::move(result));
  }
};

template <class Result>
std::shared_ptr<Gather<Result>> gather(std::size_t missing, base::Function<void(Result)> done) {
  auto made = std::make_shared<Gather<Result>>();
  made->missing = missing;
  made->done = std::move(done);
  return made;
}

}  // namespace

std::uint32_t Exchange::partition_of(std::string_view app_id, std::string_view name) const {
  return bus_partition(app_id, name, partitions_);
}

std::size_t Exchange::home_of(std::string_view app_id, std::string_view name) const {
  return partition_of(app_id, name) % port_.loop_count();
}

template <class Work, class Done>
void Exchange::ask(std::size_t to, std::size_t bytes, Work work, Done done) {
  if (to == port_.self()) {
    done(work(peers_.loops[to]));
    return;
  }
  port_.post(
      to,
      [this, to, from = port_.self(), work = std::move(work), done = std::move(done)]() mutable {
        port_.post(
            from,
            [answer = work(peers_.loops[to]), done = std::move(done)]() mutable {
              done(std::move(answer));
            },
            0);
      },
      bytes);
}

// Behind the gate of the bus partition, and then behind what is read of the store.
void Exchange::take_turn(const Homed& homed, Turn turn, base::Task task) {
  channel::CacheReads& reads = homed.home.cached().reads();
  const bool is_cache = !turn.cache_key.empty();
  if (turn.wait == Wait::kNewest) return reads.behind_read(turn.cache_key, std::move(task));
  if (turn.wait == Wait::kJoin && !is_cache) {
    return homed.nodes.enter(turn.partition, std::move(task));
  }
  if (turn.wait == Wait::kBehindJoins && !is_cache) {
    return homed.nodes.follow(turn.partition, std::move(task));
  }
  if (turn.wait == Wait::kBehindJoins) {
    return homed.nodes.follow(
        turn.partition, [&reads, key = std::move(turn.cache_key),
                         task = std::move(task)]() mutable { reads.follow(key, std::move(task)); });
  }
  if (MR_PLANTED("cache_read_before_confirmed")) {
    return reads.behind_read(
        turn.cache_key, [&homed, partition = turn.partition, task = std::move(task)]() mutable {
          homed.nodes.enter(partition, std::move(task));
        });
  }
  homed.nodes.enter(turn.partition,
                    [&reads, key = std::move(turn.cache_key), task = std::move(task)]() mutable {
                      reads.behind_read(key, std::move(task));
                    });
}

template <class Work, class Done>
void Exchange::ask_in_turn(Turn turn, Work work, Done done) {
  const std::size_t to = turn.partition % port_.loop_count();
  const Homed& homed = peers_.loops[to];
  if (to == port_.self()) {
    return take_turn(
        homed, std::move(turn),
        [&homed, work = std::move(work), done = std::move(done)]() mutable { done(work(homed)); });
  }
  port_.post(
      to,
      [this, turn = std::move(turn), &homed, from = port_.self(), work = std::move(work),
       done = std::move(done)]() mutable {
        take_turn(homed, std::move(turn),
                  [this, &homed, from, work = std::move(work), done = std::move(done)]() mutable {
                    port_.post(
                        from,
                        [answer = work(homed), done = std::move(done)]() mutable {
                          done(std::move(answer));
                        },
                        0);
                  });
      },
      0);
}

// Most channels are no cache channels, and need no key here.
Exchange::Turn Exchange::behind_joins(const std::string& app_id, const std::string& channel) const {
  const bool may_be_cache = channel.find("cache-") != std::string::npos;
  return {partition_of(app_id, channel), Wait::kBehindJoins,
          may_be_cache ? model::channel_key(app_id, channel) : std::string()};
}

void Exchange::publish_one(Publish publish, OnReleased done) {
  const std::size_t to = home_of(publish.app->options.id, publish.channel.text());
  if (to == port_.self()) {
    peers_.loops[to].home.publish(std::move(publish), std::move(done));
    return;
  }
  const std::size_t bytes = publish.data.size();
  port_.post(
      to,
      [this, to, from = port_.self(), publish = std::move(publish),
       done = std::move(done)]() mutable {
        // The answer may come later than this call; it goes back to the asking loop by post.
        peers_.loops[to].home.publish(
            std::move(publish), [this, from, done = std::move(done)](Released released) mutable {
              port_.post(
                  from,
                  [released = std::move(released), done = std::move(done)]() mutable {
                    done(std::move(released));
                  },
                  0);
            });
      },
      bytes);
}

void Exchange::publish(model::AppRef app, std::vector<PublishEvent> events,
                       base::Function<void(PublishOutcome)> done) {
  const std::size_t count = events.size();
  if (count == 0) return done({});
  auto all = gather<PublishOutcome>(count, std::move(done));
  all->result.counts.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    PublishEvent& event = events[i];
    Publish publish{app,
                    std::move(event.channel),
                    std::move(event.event),
                    std::move(event.data),
                    event.except,
                    {},
                    false};
    publish.conflation_key = std::move(event.conflation_key);
    publish.delta = event.delta;
    publish.tags = std::move(event.tags);
    publish.except_node = std::move(event.except_node);
    publish.priority = event.priority;
    publish_one(std::move(publish), [all, i](Released released) {
      all->result.status = std::max(all->result.status, released.status);
      all->result.reach = std::max(all->result.reach, released.reach);
      all->result.counts[i] = std::move(released.counts);
      all->arrived();
    });
  }
}

void Exchange::broadcast(model::AppRef app, BroadcastEvent event,
                         base::Function<void(PublishOutcome)> done) {
  const Homed& here = peers_.loops[port_.self()];
  const Reach reach = here.nodes.reach();
  if (reach == Reach::kNone) return done({PublishStatus::kCutOff, {}, reach});
  here.fan_out.broadcast(app->options.id, event);
  here.nodes.broadcast(app->options.id, event);
  done({PublishStatus::kReleased, {}, reach});
}

void Exchange::join(Join join, base::Function<void(JoinAnswer)> done) {
  Turn turn{partition_of(join.app->options.id, join.channel.text()), Wait::kJoin, {}};
  if (join.channel.is_cache()) {
    turn.cache_key = model::channel_key(join.app->options.id, join.channel.text());
  }
  join.loop = port_.self();
  ask_in_turn(
      std::move(turn),
      [join = std::move(join)](const Homed& homed) { return homed.home.join(join); },
      std::move(done));
}

void Exchange::leave(const std::string& app_id, const std::string& channel,
                     const model::SocketId& socket, Counted counted) {
  ask_in_turn(
      behind_joins(app_id, channel),
      [key = model::channel_key(app_id, channel), from = port_.self(), socket,
       counted](const Homed& homed) {
        homed.home.leave(key, from, socket, counted);
        return true;
      },
      [](bool) {});
}

void Exchange::start(const std::string& app_id, const std::string& channel, Start start,
                     base::Function<void(DeltaStart)> done) {
  start.key = model::channel_key(app_id, channel);
  ask_in_turn(
      behind_joins(app_id, channel),
      [start = std::move(start)](const Homed& homed) { return homed.home.start(start); },
      std::move(done));
}

void Exchange::choose(const std::string& app_id, const std::string& channel, Chosen chosen,
                      base::Function<void(Filtered)> done) {
  ask_in_turn(
      behind_joins(app_id, channel),
      [key = model::channel_key(app_id, channel),
       chosen = std::move(chosen)](const Homed& homed) mutable {
        return homed.home.choose(key, chosen.socket, std::move(chosen.filter));
      },
      std::move(done));
}

void Exchange::recount(const std::string& app_id, const std::string& channel, Start start) {
  this->start(app_id, channel, std::move(start), [](const DeltaStart&) {});
}

// The node's own places are nobody else's.
bool Exchange::is_shared(std::string_view name) const {
  return shared_quota_ != nullptr && (name.starts_with("app:") || name.starts_with("user:"));
}

void Exchange::acquire(std::string name, std::uint32_t limit, base::Function<void(bool)> done) {
  if (is_shared(name)) return shared_quota_->acquire(std::move(name), limit, std::move(done));
  const std::size_t to = home_of(name, {});
  ask(
      to, 0,
      [name = std::move(name), limit](const Homed& homed) {
        return homed.quota.acquire(name, limit);
      },
      std::move(done));
}

void Exchange::release(const std::string& name) {
  if (is_shared(name)) return shared_quota_->release(name);
  const std::size_t to = home_of(name, {});
  ask(
      to, 0,
      [name](const Homed& homed) {
        homed.quota.release(name);
        return true;
      },
      [](bool) {});
}

void Exchange::list_channels(model::AppRef app, std::string prefix,
                             base::Function<void(std::vector<ChannelCounts>)> done) {
  using List = std::vector<ChannelCounts>;
  auto all = gather<List>(port_.loop_count(), [done = std::move(done)](List list) mutable {
    std::sort(list.begin(), list.end(),
              [](const ChannelCounts& a, const ChannelCounts& b) { return a.channel < b.channel; });
    done(std::move(list));
  });
  for (std::size_t loop = 0; loop < port_.loop_count(); ++loop) {
    ask(
        loop, 0,
        [app, prefix](const Homed& homed) {
          List list;
          homed.home.list(app->options.id, prefix, list);
          return list;
        },
        [all](List list) {
          std::move(list.begin(), list.end(), std::back_inserter(all->result));
          all->arrived();
        });
  }
}

void Exchange::find_channel(model::AppRef app, model::ChannelName channel,
                            base::Function<void(ChannelState)> done) {
  const std::string key = model::channel_key(app->options.id, channel.text());
  const std::uint32_t partition = partition_of(app->options.id, channel.text());
  const bool is_cache = channel.is_cache();
  const auto look = [key, channel = std::move(channel)](const Homed& homed) {
    return homed.home.state(key, channel);
  };
  if (!is_cache) return ask(partition % port_.loop_count(), 0, look, std::move(done));
  ask_in_turn({partition, Wait::kNewest, key}, look, std::move(done));
}

void Exchange::list_users(model::AppRef app, model::ChannelName channel,
                          base::Function<void(std::vector<std::string>)> done) {
  const std::size_t to = home_of(app->options.id, channel.text());
  ask(
      to, 0,
      [key = model::channel_key(app->options.id, channel.text())](const Homed& homed) {
        return homed.home.user_ids(key);
      },
      std::move(done));
}

void Exchange::terminate_user(model::AppRef app, std::string user_id,
                              base::Function<void(std::uint32_t)> done) {
  peers_.loops[port_.self()].nodes.shared().terminate_elsewhere(app->options.id, user_id);
  auto all = gather<std::uint32_t>(port_.loop_count(), std::move(done));
  for (std::size_t loop = 0; loop < port_.loop_count(); ++loop) {
    ask(
        loop, 0,
        [app, user_id](const Homed& homed) {
          return homed.subscribers.terminate_user(app->options.id, user_id, base::TimePoint::max());
        },
        [all](std::uint32_t closed) {
          all->result += closed;
          all->arrived();
        });
  }
}

void Exchange::begin_idempotent(model::AppRef app, std::string key,
                                base::Function<void(Idempotent)> done) {
  const std::size_t to = home_of(app->options.id, key);
  std::string name = model::channel_key(app->options.id, key);
  if (to == port_.self()) return begin_once(to, name, std::move(done));
  port_.post(
      to,
      [this, to, from = port_.self(), name = std::move(name), done = std::move(done)]() mutable {
        begin_once(to, name, [this, from, done = std::move(done)](Idempotent i) mutable {
          port_.post(
              from, [i = std::move(i), done = std::move(done)]() mutable { done(std::move(i)); },
              0);
        });
      },
      0);
}

// The first of this node asks the others; who comes behind him waits for him.
void Exchange::begin_once(std::size_t home, const std::string& name,
                          base::Function<void(Idempotent)> done) {
  const Homed& homed = peers_.loops[home];
  homed.idempotency.begin(
      name, port_.clock().now(), [&homed, name, done = std::move(done)](Idempotent begun) mutable {
        if (!begun.first) return done(std::move(begun));
        homed.nodes.shared().claim(
            name, [&homed, name, done = std::move(done)](Claim claim) mutable {
              if (claim.kind == Claim::Kind::kWon || claim.kind == Claim::Kind::kUnknown) {
                return done({true, {}});
              }
              homed.idempotency.settle(name, claim.answer);
              done({false, std::move(claim.answer)});
            });
      });
}

void Exchange::settle_idempotent(model::AppRef app, std::string key, std::string answer) {
  const std::size_t to = home_of(app->options.id, key);
  ask(
      to, answer.size(),
      [name = model::channel_key(app->options.id, key),
       answer = std::move(answer)](const Homed& homed) {
        homed.nodes.shared().settle(name, answer);
        homed.idempotency.settle(name, answer);
        return true;
      },
      [](bool) {});
}

}  // namespace mr::channel
