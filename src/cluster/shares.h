#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/messages.h"
#include "cluster/types.h"

namespace mr::cluster {

// What other nodes hold of one channel changed.
struct ForeignChange {
  std::string app_id;
  std::string channel;
  std::int64_t subscriptions = 0;  // more, or fewer
  std::vector<ShareUser> users;    // in order; each once per node
};

// What one node holds: subscriptions per channel, and users on presence channels.
class Share {
 public:
  // What changes by it is added to `changed`, when there is one.
  void set(const ShareCount& count, std::vector<ForeignChange>* changed);
  void set(const ShareUser& user, std::vector<ForeignChange>* changed);
  // Over all entries, whatever their order.
  std::uint64_t digest() const { return digest_; }
  // In parts of at most `entries_max` entries; at least one.
  std::vector<ShareMessage> parts(std::size_t entries_max) const;
  // What leads from this to `other`.
  std::vector<ForeignChange> changes_to(const Share& other) const;
  bool is_empty() const { return channels_.empty(); }

  std::uint64_t number = 0;  // of its last change

 private:
  struct Channel {
    std::uint64_t subscriptions = 0;
    std::map<std::string, ShareUser> users;  // by user id
  };
  using Key = std::pair<std::string, std::string>;  // app, channel

  void drop_if_empty(const Key& key);

  std::map<Key, Channel> channels_;
  std::uint64_t digest_ = 0;
};

// The shares of all nodes, ours included, and how far those of others can be believed. Changes are
// numbered per boot; one that was missed is found by its number or by a heartbeat's digest, and the
// share is asked from its node again. Pure; control loop.
class Shares {
 public:
  // What homes say of this node; what is to be told to the others is gathered until take_news().
  void set_own(const ShareCount& count);
  void set_own(const ShareUser& user);
  std::optional<ShareMessage> take_news();
  const Share& own() const { return own_; }
  // The whole share for one node.
  std::vector<ShareMessage> own_for(BootId to) const;

  // A joining node holds nothing yet.
  void begin(BootId boot);
  // What changed is added to `changed`. False: its share must be asked for.
  bool hear(BootId from, const ShareMessage& message, base::TimePoint now,
            std::vector<ForeignChange>& changed);
  bool check(BootId from, const BeatMessage& beat, base::TimePoint now);
  // It is gone, and all that it held.
  void drop(BootId boot, std::vector<ForeignChange>& changed);

  bool is_known(BootId boot) const;
  // Something may have been missed: nobody is believed until his next heartbeat.
  void doubt(base::TimePoint now) { doubt_ = now; }
  // Every one of these was confirmed since.
  bool is_whole(const std::vector<BootId>& boots) const;

 private:
  struct Other {
    Share share;
    bool is_known = false;
    base::TimePoint checked{};
    std::optional<Share> coming;  // parts of a whole share so far
    std::uint64_t parts_had = 0;
  };
  bool take_part(Other& other, const ShareMessage& message, std::vector<ForeignChange>& changed);

  Share own_;
  ShareMessage news_;
  std::map<BootId, Other> others_;
  base::TimePoint doubt_{};
};

}  // namespace mr::cluster
