#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "model/channel_name.h"
#include "pusher/member.h"

namespace mr::channel {

// What this node holds of a channel has changed; told to the other nodes.
struct ShareChange {
  std::string app_id;
  std::string channel;
  std::uint32_t subscriptions = 0;       // now
  const pusher::Member* user = nullptr;  // not null: he came with his first connection, or went
  bool is_here = false;                  // he came
};

// What other nodes hold of a channel has changed.
struct ForeignNews {
  std::string app_id;
  std::string channel;
  std::int64_t subscriptions = 0;  // more, or fewer
  struct User {
    pusher::Member member;
    bool is_here = false;
  };
  std::vector<User> users;  // in order; each once per node
};

// What other nodes hold of the channels of one home loop: subscriptions, and users of presence
// channels, each on one or more nodes. Home loop only.
class Foreign {
 public:
  struct Channel {
    std::string app_id;
    std::string name;
    std::int64_t subscriptions = 0;
    struct User {
      pusher::Member member;
      std::uint32_t nodes = 0;
    };
    std::vector<User> users;

    const User* find(const std::string& user_id) const;
  };
  explicit Foreign(std::uint64_t hash_seed) : channels_(0, base::TextHash{hash_seed}) {}

  // Users that no other node had before, whom none has any more, and who have other data now.
  struct Turned {
    struct Changed {
      pusher::Member was;
      pusher::Member is;
    };
    std::vector<pusher::Member> came;
    std::vector<pusher::Member> went;
    std::vector<Changed> changed;
  };
  Turned take(const std::string& key, const ForeignNews& news);
  // Null: no other node has a subscriber there.
  const Channel* find(const std::string& key) const;
  const base::TextMap<Channel>& channels() const { return channels_; }

 private:
  static void take(Channel& channel, const ForeignNews::User& news, Turned& turned);

  base::TextMap<Channel> channels_;  // by key
};

}  // namespace mr::channel
