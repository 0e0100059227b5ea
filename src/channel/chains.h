#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/function.h"
#include "channel/options.h"
#include "delta/form_class.h"
#include "delta/place.h"
#include "filter/interner.h"
#include "model/message.h"
#include "model/verdict.h"

namespace mr::channel {

class Chains;

// What all chains of one home loop share: the encoder, frames, and the bound on memory.
struct ChainShop {
  using Encode = base::Function<bool(delta::Algorithm, std::string_view base,
                                     std::string_view target, std::size_t bytes_max, std::string&)>;
  struct Counters {
    std::uint64_t full = 0;    // messages inside a chain that were full for everybody
    std::uint64_t deltas = 0;  // encodings made
    std::uint64_t unpaid = 0;  // encodings given up: not shorter than the full frame
    std::uint64_t evicted_keys = 0;
    std::uint64_t evicted_idle = 0;
    std::uint64_t evicted_memory = 0;
    std::uint64_t suspended = 0;
  };

  // Of the channels with one label, and of one app under the label that stands for it.
  struct Account {
    std::size_t bytes = 0;  // kept for chains now
    std::size_t chains = 0;
    std::uint64_t broadcasts = 0;  // messages released inside a chain
    std::size_t app_bytes = 0;
  };
  Account& account(std::uint32_t label) {
    if (label >= accounts.size()) accounts.resize(label + 1);
    return accounts[label];
  }
  void keep(const ChainOptions& options, std::ptrdiff_t change);
  // One chain among all of the home loop.
  struct Place {
    Chains* owner = nullptr;
    std::uint32_t slot = 0;
    std::uint32_t app_label = 0;
  };
  using Places = std::list<Place>;

  Encode encode;
  // A chain made room for one of another key; may be empty.
  base::Function<void(const ChainOptions&)> on_key_evicted;
  std::string (*text_head)(std::size_t payload_bytes) = nullptr;
  std::size_t bytes_max = SIZE_MAX;
  std::size_t bytes = 0;  // kept for chains now
  Places by_use;          // the least recently used chain first
  Counters counters;
  std::vector<Account> accounts;  // by ChainOptions::label
};

struct SocketHash {
  using is_avalanching = void;
  std::size_t operator()(const model::SocketId& id) const {
    const std::uint64_t halves[] = {id.high, id.low};
    return base::seeded_hash({reinterpret_cast<const char*>(halves), sizeof(halves)}, 0);
  }
};

// A message on its release.
struct Draft {
  std::string_view channel_key;
  std::string_view channel;
  std::string_view event;
  std::string_view data;    // JSON text of the member
  std::string text;         // the envelope
  std::string frame;        // the text in its plain frame
  std::string second_text;  // as protocol 2 has it; empty: the same
  std::string second_frame;
  model::LeftOut except;
  std::uint8_t priority = model::kUsualPriority;
  std::uint64_t number = 0;         // the channel's sequence
  std::string_view conflation_key;  // the value
  std::optional<bool> wish;         // the publisher's `delta`
  bool is_client_event = false;
  model::Verdict verdict = model::Verdict::kNone;
  bool is_placed = false;  // the verdict also says whether it is inside the chains
  const model::Tags* tags = nullptr;
  base::TimePoint now{};
  delta::Place place = delta::Place::kOutside;  // found out on the release
};

struct StartRequest {
  std::string_view channel;
  std::uint8_t form_class = 0;
  bool wants_bases = false;
  std::uint64_t next = 1;  // the channel's next sequence
};

// How a subscriber's deltas start.
struct DeltaStart {
  std::uint64_t joined = 0;  // bases below this number are not known to it
  std::string sync;          // JSON text of the frame that it is told
};

// The chains of one channel record: the last message of each key and how far it is from a full
// one, the different filters, and for each message the frames that the subscribers here may get.
// One encoding serves all who hold the same base. Owned by the channel's home; its loop only.
class Chains {
 public:
  static constexpr std::uint32_t kNoFilter = UINT32_MAX;

  Chains(ChainShop& shop, ChainOptionsRef options, std::uint64_t hash_seed);
  ~Chains();
  Chains(const Chains&) = delete;
  Chains& operator=(const Chains&) = delete;

  // The message with all its frames; its chain goes on from it.
  model::MessageRef release(Draft draft);

  // New settings. With a conflation key the channel becomes keyed at once, and it stays so.
  void configure(ChainOptionsRef options);
  // Chains that had no message for their time go.
  void expire(base::TimePoint now);

  // A subscriber's filter (null: none) from the next message on; its id, or kNoFilter.
  std::uint32_t choose(const model::SocketId& subscriber, filter::FilterRef filter);
  // One subscriber more or less of a form class; frames are made for classes that have some.
  void count(std::uint8_t form_class, int change);
  // What a subscriber is told when its deltas start.
  DeltaStart start(const model::SocketId& subscriber, const StartRequest& request) const;

  bool is_keyed() const { return !path_.empty(); }
  // Where a message's key is found in its data; empty: the channel is not keyed.
  const std::string& key_path() const { return path_; }
  base::Duration age_max() const { return options_->age_max; }
  std::size_t chain_count() const { return by_key_.size(); }
  // Nobody here has a filter or wants deltas.
  bool is_unused() const { return members_.empty() && !is_advancing(); }

 private:
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;

  // A message that some chain or filter may start from, counted once.
  struct Kept {
    Kept(ChainShop& counted, ChainOptionsRef of, model::MessageRef kept);
    ~Kept();
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    std::uint64_t number() const { return message->entry->number; }

    ChainShop& shop;
    const ChainOptionsRef options;  // when it was kept
    const model::MessageRef message;
  };
  using KeptRef = std::shared_ptr<const Kept>;

  struct Chain {
    std::string key;  // on the wire; empty: the channel is not keyed
    std::uint32_t label = 0;
    ChainShop::Places::iterator place;
    std::uint32_t slot = kNoSlot;
    KeptRef last;        // the base of the next
    KeptRef before;      // only for tests that plant a bug
    model::Bits passes;  // of the last one
    std::string event;   // of the last one, for filters that come later
    model::Tags tags;
    base::TimePoint used{};
    std::uint32_t since = 0;        // messages since the last that was full for the interval
    std::uint32_t unpaid = 0;       // messages in a row for which no delta was shorter
    std::uint32_t newer = kNoSlot;  // towards the most recently used
    std::uint32_t older = kNoSlot;
  };

  bool is_advancing() const { return classes_in_use_ != 0 || options_->keeps_bases; }
  delta::Place place_of(const Draft& draft) const;
  void take_plain_for_base(const Draft& draft, const model::MessageRef& message);
  bool is_due_by_interval(const Draft& draft, const Chain& chain) const;
  Chain* enter(const Draft& draft);
  bool is_suspended(const std::string& key);
  Chain& find_or_create(const std::string& key);
  // Of one message: as most have it and, where that differs, as protocol 2 does (else null).
  struct Forms {
    model::ChainEntry& first;
    model::ChainEntry* second = nullptr;
  };
  // Texts and classes that go together.
  struct Variant {
    std::string_view base;
    std::string_view target;
    bool has_first = false;
    bool has_second = false;
    model::ChainEntry& entry;  // takes the frames
    const model::ChainEntry& common;
  };
  void make_forms(const Draft& draft, const Chain& chain, Forms forms);
  std::vector<KeptRef> find_bases(const Chain& chain, model::ChainEntry& entry) const;
  void make_deltas(const Draft& draft, const Chain& chain, const Kept& base, Forms forms);
  void make_variant(const Draft& draft, const Chain& chain, const Kept& base,
                    const Variant& variant);
  bool is_wanted(std::uint8_t form_class, delta::Algorithm algorithm, const Variant& variant) const;
  void advance(const Draft& draft, Chain& chain, const model::MessageRef& message);
  void evict(Chain& chain);
  void evict_all();
  void bound();
  void make_room(ChainShop::Places::iterator place);
  void link_newest(Chain& chain);
  void unlink(Chain& chain);

  ChainShop& shop_;
  ChainOptionsRef options_;
  std::string path_;  // of the conflation key; empty: the channel is not keyed
  std::vector<std::unique_ptr<Chain>> chains_;  // by slot
  std::vector<std::uint32_t> free_;
  base::TextViewMap<std::uint32_t> by_key_;  // views of Chain::key
  std::uint32_t newest_ = kNoSlot;
  std::uint32_t oldest_ = kNoSlot;
  base::TextMap<std::uint32_t> suspended_;  // messages that still go plain
  filter::Interner filters_;
  base::FlatMap<model::SocketId, std::uint32_t, SocketHash> members_;  // ids of their filters
  std::vector<KeptRef> last_passed_;  // by filter; unkeyed channels
  std::uint32_t class_counts_[delta::FormClass::kCount] = {};
  std::uint32_t classes_in_use_ = 0;
};

}  // namespace mr::channel
