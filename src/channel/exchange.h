#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "channel/fan_out.h"
#include "channel/home.h"
#include "channel/idempotency.h"
#include "channel/loop_port.h"
#include "channel/quota.h"
#include "channel/service.h"
#include "channel/shared_quota.h"

namespace mr::channel {

// Everything homed on one loop.
struct Homed {
  Home& home;
  Idempotency& idempotency;
  Quota& quota;
  Subscribers& subscribers;  // the same loop's
  OtherNodes& nodes;         // the same loop's
  FanOut& fan_out;           // the same loop's
};

// All loops of the node, by loop; fixed before start. An entry is touched on its loop only.
struct Peers {
  std::vector<Homed> loops;
};

// One loop's way to the home loops and back: the Service for REST and the calls of sessions.
// Names are placed by bus partition (fixed XXH3), partition modulo loops. Work for the own loop
// runs at once, for another in its mailbox; both keep the order of calls.
class Exchange final : public Service {
 public:
  Exchange(LoopPort& port, const Peers& peers, const Options& options)
      : port_(port), peers_(peers), partitions_(options.partitions) {}

  std::uint32_t partition_of(std::string_view app_id, std::string_view name) const;
  // Before start; it outlives this. Without it the node is alone.
  void set_shared_quota(SharedQuota& shared) { shared_quota_ = &shared; }

  void publish_one(Publish publish, OnReleased done);
  void join(Join join, base::Function<void(JoinAnswer)> done);
  // `counted`: as the home counts this subscriber.
  void leave(const std::string& app_id, const std::string& channel, const model::SocketId& socket,
             Counted counted = {});
  // The same order holds between these, join and leave. `start.key` is set here.
  void start(const std::string& app_id, const std::string& channel, Start start,
             base::Function<void(DeltaStart)> done);
  void choose(const std::string& app_id, const std::string& channel, Chosen chosen,
              base::Function<void(Filtered)> done);
  // A subscriber counts in another form class, or in none. `start.key` is set here.
  void recount(const std::string& app_id, const std::string& channel, Start start);
  // Holds one place under `name` (an app, a user, the node) unless `limit` are held already.
  void acquire(std::string name, std::uint32_t limit, base::Function<void(bool)> done);
  void release(const std::string& name);

  void publish(model::AppRef app, std::vector<PublishEvent> events,
               base::Function<void(PublishOutcome)> done) override;
  void broadcast(model::AppRef app, BroadcastEvent event,
                 base::Function<void(PublishOutcome)> done) override;
  void list_channels(model::AppRef app, std::string prefix,
                     base::Function<void(std::vector<ChannelCounts>)> done) override;
  void find_channel(model::AppRef app, model::ChannelName channel,
                    base::Function<void(ChannelState)> done) override;
  void list_users(model::AppRef app, model::ChannelName channel,
                  base::Function<void(std::vector<std::string>)> done) override;
  void terminate_user(model::AppRef app, std::string user_id,
                      base::Function<void(std::uint32_t)> done) override;
  void begin_idempotent(model::AppRef app, std::string key,
                        base::Function<void(Idempotent)> done) override;
  void settle_idempotent(model::AppRef app, std::string key, std::string answer) override;

 private:
  bool is_shared(std::string_view name) const;
  std::size_t home_of(std::string_view app_id, std::string_view name) const;
  // `work(Homed&)` on loop `to`, and `done(result)` back here.
  template <class Work, class Done>
  void ask(std::size_t to, std::size_t bytes, Work work, Done done);
  // The same on the home loop of a channel, in its turn among joins that wait for other nodes.
  enum class Wait : std::uint8_t {
    kJoin,         // for other nodes, and for the newest cached event
    kNewest,       // for that alone
    kBehindJoins,  // for what waits already
  };
  struct Turn {
    std::uint32_t partition = 0;
    Wait wait = Wait::kJoin;
    std::string cache_key;  // of a cache channel; empty: it is none
  };
  static void take_turn(const Homed& homed, Turn turn, base::Task task);
  Turn behind_joins(const std::string& app_id, const std::string& channel) const;
  template <class Work, class Done>
  void ask_in_turn(Turn turn, Work work, Done done);
  void begin_once(std::size_t home, const std::string& name, base::Function<void(Idempotent)> done);

  LoopPort& port_;
  SharedQuota* shared_quota_ = nullptr;
  const Peers& peers_;
  const std::uint32_t partitions_;
};

}  // namespace mr::channel
