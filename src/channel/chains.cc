#include "channel/chains.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "delta/checksum.h"
#include "delta/wire_key.h"
#include "pusher/encode.h"

namespace mr::channel {
namespace {

using delta::Algorithm;
using delta::FormClass;
using delta::Place;
using model::Verdict;

// Messages in a row without a delta that is shorter, after which a chain is suspended.
constexpr std::uint32_t kUnpaidMax = 2;
// Keys that are remembered as suspended; more of them are tried again at once.
constexpr std::size_t kSuspendedMax = 4096;
constexpr Algorithm kAlgorithms[] = {Algorithm::kFossil, Algorithm::kVcdiff};

std::uint32_t wire_number(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

std::uint8_t text_at(std::string_view frame, std::string_view text) {
  return static_cast<std::uint8_t>(frame.size() - text.size());
}

// What holds for every form of a message, whatever its text.
void copy_common(const model::ChainEntry& from, model::ChainEntry& to) {
  to.passes = from.passes;
  to.base_passes = from.base_passes;
  to.number = from.number;
  to.base = from.base;
  to.slot = from.slot;
  to.label = from.label;
  to.is_due = from.is_due;
  to.last_for = from.last_for;
  to.tail = from.tail;
}

model::MessageRef make_message(Draft& draft, std::unique_ptr<model::ChainEntry> entry,
                               std::unique_ptr<model::ChainEntry> second) {
  std::string key(draft.channel_key);
  model::MessageRef of_second;
  if (second) {
    copy_common(*entry, *second);
    const std::uint8_t at = text_at(draft.second_frame, draft.second_text);
    of_second =
        base::make_ref<const model::Message>(key, std::move(draft.second_frame), draft.except,
                                             model::Message::Chained{at, std::move(second)});
  }
  const std::uint8_t at = text_at(draft.frame, draft.text);
  return base::make_ref<const model::Message>(
      std::move(key), std::move(draft.frame), draft.except,
      model::Message::Chained{at, std::move(entry), draft.priority}, std::move(of_second));
}

// A delta that is shorter than the numbered frame alone is sent, but a chain lives on those that
// are shorter than plain frames: else its subscribers would be better off without it.
bool has_paid(const model::Message& message) {
  return std::any_of(
      message.entry->deltas.begin(), message.entry->deltas.end(),
      [&message](const auto& delta) { return delta.frame.size() < message.frame.size(); });
}

void sort_deltas(model::ChainEntry& entry) {
  std::sort(entry.deltas.begin(), entry.deltas.end(), [](const auto& a, const auto& b) {
    return a.base != b.base ? a.base < b.base : a.form_class < b.form_class;
  });
}

// Bytes whose base64 has at most so many characters.
std::size_t bytes_in_base64(std::size_t characters) { return characters / 4 * 3; }

}  // namespace

void ChainShop::keep(const ChainOptions& options, std::ptrdiff_t change) {
  bytes += static_cast<std::size_t>(change);
  account(options.label).bytes += static_cast<std::size_t>(change);
  account(options.app_label).app_bytes += static_cast<std::size_t>(change);
}

Chains::Kept::Kept(ChainShop& counted, ChainOptionsRef of, model::MessageRef kept)
    : shop(counted), options(std::move(of)), message(std::move(kept)) {
  shop.keep(*options, static_cast<std::ptrdiff_t>(sizeof(Kept) + message->bytes()));
}

Chains::Kept::~Kept() {
  shop.keep(*options, -static_cast<std::ptrdiff_t>(sizeof(Kept) + message->bytes()));
}

Chains::Chains(ChainShop& shop, ChainOptionsRef options, std::uint64_t hash_seed)
    : shop_(shop),
      options_(std::move(options)),
      path_(options_->conflation_key),
      by_key_(0, base::TextHash{hash_seed}),
      suspended_(0, base::TextHash{hash_seed}),
      filters_(hash_seed) {}

Chains::~Chains() { evict_all(); }

model::MessageRef Chains::release(Draft draft) {
  expire(draft.now);
  draft.place = place_of(draft);
  auto entry = std::make_unique<model::ChainEntry>();
  entry->number = draft.number;
  entry->label = options_->label;
  for (std::uint32_t id = 0; id < filters_.bound(); ++id) {
    const filter::Filter* filter = filters_.at(id);
    if (filter != nullptr && filter->passes(draft.event, *draft.tags)) entry->passes.set(id);
  }
  auto second = draft.second_text.empty() ? nullptr : std::make_unique<model::ChainEntry>();
  Chain* chain = enter(draft);
  if (chain != nullptr) {
    ++shop_.account(options_->label).broadcasts;
    make_forms(draft, *chain, {*entry, second.get()});
  }
  const model::MessageRef message = make_message(draft, std::move(entry), std::move(second));
  if (chain != nullptr) {
    advance(draft, *chain, message);
  } else if (MR_PLANTED("outside_becomes_base") || MR_PLANTED("suspended_becomes_base")) {
    take_plain_for_base(draft, message);
  }
  return message;
}

// What no rule allows; only for tests that plant it.
void Chains::take_plain_for_base(const Draft& draft, const model::MessageRef& message) {
  const std::string key = is_keyed() ? delta::wire_key(draft.conflation_key) : std::string();
  const bool is_outside = draft.place == Place::kOutside;
  if (is_outside != MR_PLANTED("outside_becomes_base")) return;
  if (is_outside && !by_key_.contains(std::string_view(key))) return;
  Chain& chain = find_or_create(key);
  chain.last = std::make_shared<const Kept>(shop_, options_, message);
  chain.passes = message->entry->passes;
  chain.used = draft.now;
}

Place Chains::place_of(const Draft& draft) const {
  if (!is_advancing()) return Place::kOutside;
  // What protocol 2 has is the same and more.
  const std::string& text = draft.second_text.empty() ? draft.text : draft.second_text;
  delta::Candidate candidate = {draft.event, draft.data, text, draft.is_client_event, draft.wish};
  if (!draft.is_placed) return delta::place_of(candidate, options_->data_bytes_min);
  // Small enough or not, wished or not: the node where it entered knew.
  candidate.wish = draft.verdict != Verdict::kPlain;
  return delta::place_of(candidate, SIZE_MAX);
}

// Null: the message travels plain.
Chains::Chain* Chains::enter(const Draft& draft) {
  if (draft.place == Place::kOutside) return nullptr;
  std::string key = is_keyed() ? delta::wire_key(draft.conflation_key) : std::string();
  if (MR_PLANTED("no_default_key") && draft.conflation_key.empty()) key.clear();
  if (MR_PLANTED("rekey_keeps_chain") && by_key_.contains(std::string_view())) key.clear();
  return is_suspended(key) ? nullptr : &find_or_create(key);
}

bool Chains::is_suspended(const std::string& key) {
  const auto found = suspended_.find(key);
  if (found == suspended_.end()) return false;
  if (--found->second == 0) suspended_.erase(found);
  return true;
}

Chains::Chain& Chains::find_or_create(const std::string& key) {
  const auto found = by_key_.find(std::string_view(key));
  if (found != by_key_.end()) return *chains_[found->second];
  std::uint32_t slot = static_cast<std::uint32_t>(chains_.size());
  if (free_.empty()) {
    chains_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  chains_[slot] = std::make_unique<Chain>();
  Chain& chain = *chains_[slot];
  chain.key = key;
  chain.slot = slot;
  chain.label = options_->label;
  chain.place = shop_.by_use.insert(shop_.by_use.end(), {this, slot, options_->app_label});
  ++shop_.account(chain.label).chains;
  by_key_.emplace(std::string_view(chain.key), slot);
  link_newest(chain);
  return chain;
}

bool Chains::is_due_by_interval(const Draft& draft, const Chain& chain) const {
  if (draft.verdict == Verdict::kDelta || draft.verdict == Verdict::kFull) {
    return draft.verdict == Verdict::kFull;
  }
  const std::uint32_t interval =
      options_->full_message_interval + (MR_PLANTED("interval_off_by_one") ? 1 : 0);
  return !chain.last || chain.since + 1 >= interval;
}

void Chains::make_forms(const Draft& draft, const Chain& chain, Forms forms) {
  model::ChainEntry& entry = forms.first;
  if (!MR_PLANTED("forced_full_outside") || draft.wish != false) entry.slot = chain.slot;
  if (MR_PLANTED("numbers_per_chain")) entry.number = chain.since + 1;
  entry.base = chain.last ? chain.last->number() : 0;
  entry.base_passes = MR_PLANTED("bits_of_the_new_one") ? entry.passes : chain.passes;
  const bool is_forced = draft.wish == false || draft.place == Place::kNeverBase;
  entry.is_due = is_forced || is_due_by_interval(draft, chain);
  entry.tail = pusher::delta_tail(wire_number(entry.number), chain.key);
  entry.head = shop_.text_head(draft.text.size() - 1 + entry.tail.size());
  if (forms.second != nullptr) {
    forms.second->head = shop_.text_head(draft.second_text.size() - 1 + entry.tail.size());
  }
  if (entry.base == 0 || entry.is_due) {
    ++shop_.counters.full;
    return;
  }
  for (const KeptRef& base : find_bases(chain, entry)) make_deltas(draft, chain, *base, forms);
  sort_deltas(entry);
  if (forms.second != nullptr) sort_deltas(*forms.second);
}

// Decoders of an unkeyed channel start from the last message that they were sent, which depends
// on the filter; without one it is the chain's last.
std::vector<Chains::KeptRef> Chains::find_bases(const Chain& chain,
                                                model::ChainEntry& entry) const {
  std::vector<KeptRef> bases{chain.last};
  for (std::uint32_t id = 0; id < last_passed_.size(); ++id) {
    const KeptRef& last = last_passed_[id];
    if (MR_PLANTED("only_the_chains_base")) break;
    if (!last || !entry.passes.test(id) || entry.base_passes.test(id)) continue;
    entry.last_for.push_back({id, last->number()});
    if (std::find(bases.begin(), bases.end(), last) == bases.end()) bases.push_back(last);
  }
  return bases;
}

// One encoding serves both protocols unless their texts differ, of this message or of the base.
void Chains::make_deltas(const Draft& draft, const Chain& chain, const Kept& base, Forms forms) {
  const std::string_view base_text = base.message->text();
  if (forms.second == nullptr && !base.message->second) {
    return make_variant(draft, chain, base,
                        {base_text, draft.text, true, true, forms.first, forms.first});
  }
  make_variant(draft, chain, base, {base_text, draft.text, true, false, forms.first, forms.first});
  const std::string_view second_base = model::variant_of(base.message, true)->text();
  if (forms.second == nullptr) {
    return make_variant(draft, chain, base,
                        {second_base, draft.text, false, true, forms.first, forms.first});
  }
  make_variant(draft, chain, base,
               {second_base, draft.second_text, false, true, *forms.second, forms.first});
}

bool Chains::is_wanted(std::uint8_t form_class, Algorithm algorithm, const Variant& variant) const {
  if (class_counts_[form_class] == 0) return false;
  const FormClass form = FormClass::of(form_class);
  return form.algorithm == algorithm && (form.is_second ? variant.has_second : variant.has_first);
}

void Chains::make_variant(const Draft& draft, const Chain& chain, const Kept& base,
                          const Variant& variant) {
  model::ChainEntry& entry = variant.entry;
  pusher::DeltaEvent event;
  event.event = draft.event;
  event.channel = draft.channel;
  event.conflation_key = chain.key;
  event.number = wire_number(variant.common.number);
  event.base = wire_number(base.number());
  const std::size_t full_bytes = variant.target.size() - 1 + variant.common.tail.size();
  std::optional<std::uint32_t> crc;  // worked out when a class asks for it
  const auto text_of = [&](std::uint8_t index, std::string_view delta) {
    const FormClass form = FormClass::of(index);
    event.delta = delta;
    event.algorithm = form.is_unnamed ? std::string_view() : wire_name(form.algorithm);
    event.is_second = form.is_second;
    event.crc.reset();
    if (form.has_crc && form.algorithm == Algorithm::kVcdiff) {
      if (!crc) crc = delta::crc32(variant.target);
      event.crc = crc;
    }
    return pusher::delta_event(event);
  };
  for (const Algorithm algorithm : kAlgorithms) {
    std::size_t room = 0;  // for the base64, in the class that leaves most
    for (std::uint8_t index = 0; index < FormClass::kCount; ++index) {
      if (!is_wanted(index, algorithm, variant)) continue;
      const std::size_t frame_bytes = text_of(index, {}).size();
      if (frame_bytes < full_bytes) room = std::max(room, full_bytes - 1 - frame_bytes);
    }
    if (room == 0) continue;
    std::string bytes;
    if (!shop_.encode(algorithm, variant.base, variant.target, bytes_in_base64(room), bytes)) {
      ++shop_.counters.unpaid;
      continue;
    }
    ++shop_.counters.deltas;
    for (std::uint8_t index = 0; index < FormClass::kCount; ++index) {
      if (!is_wanted(index, algorithm, variant)) continue;
      const std::string text = text_of(index, bytes);
      if (text.size() >= full_bytes) continue;
      entry.deltas.push_back({base.number(), index, shop_.text_head(text.size()) + text});
    }
  }
}

void Chains::advance(const Draft& draft, Chain& chain, const model::MessageRef& message) {
  const model::ChainEntry& entry = *message->entry;
  const auto kept = std::make_shared<const Kept>(shop_, options_, message);
  if (MR_PLANTED("sync_not_atomic")) chain.before = chain.last;
  // A full one for another reason does not restart the interval.
  const bool restarts = is_due_by_interval(draft, chain) ||
                        (MR_PLANTED("forced_full_restarts") && draft.wish == false);
  chain.since = restarts ? 0 : chain.since + 1;
  chain.last = kept;
  chain.passes = entry.passes;
  chain.event = draft.event;
  chain.tags = *draft.tags;
  chain.used = draft.now;
  if (!MR_PLANTED("use_is_not_noted")) {
    unlink(chain);
    link_newest(chain);
    shop_.by_use.splice(shop_.by_use.end(), shop_.by_use, chain.place);
  }
  if (!is_keyed()) {
    last_passed_.resize(std::max(last_passed_.size(), filters_.bound()));
    for (std::uint32_t id = 0; id < last_passed_.size(); ++id) {
      if (entry.passes.test(id)) last_passed_[id] = kept;
    }
  }
  const bool is_paid = has_paid(*message) || (message->second && has_paid(*message->second));
  const bool is_unpaid = entry.base != 0 && !entry.is_due && classes_in_use_ != 0 && !is_paid;
  chain.unpaid = is_unpaid ? chain.unpaid + 1 : 0;
  const bool is_suspended = chain.unpaid >= kUnpaidMax && !MR_PLANTED("never_suspended");
  if (is_suspended) {
    ++shop_.counters.suspended;
    if (suspended_.size() >= kSuspendedMax) suspended_.clear();
    if (options_->suspended_messages > 0) suspended_[chain.key] = options_->suspended_messages;
  }
  if (is_suspended || draft.place == Place::kNeverBase) evict(chain);
  bound();
}

void Chains::bound() {
  while (by_key_.size() > std::max(options_->keys_max, 1U)) {
    ++shop_.counters.evicted_keys;
    if (shop_.on_key_evicted) shop_.on_key_evicted(*options_);
    evict(*chains_[oldest_]);
  }
  // Of whatever channel: a busy one does not lose its bases to those that nobody writes to.
  while (shop_.bytes > shop_.bytes_max && !shop_.by_use.empty()) make_room(shop_.by_use.begin());
  const std::uint32_t app = options_->app_label;
  auto place = shop_.by_use.begin();
  while (shop_.account(app).app_bytes > options_->app_bytes_max && place != shop_.by_use.end()) {
    const auto next = std::next(place);
    if (place->app_label == app) make_room(place);
    place = next;
  }
}

void Chains::make_room(ChainShop::Places::iterator place) {
  ++shop_.counters.evicted_memory;
  Chains& owner = *place->owner;
  owner.evict(*owner.chains_[place->slot]);
}

void Chains::expire(base::TimePoint now) {
  while (oldest_ != kNoSlot && now - chains_[oldest_]->used > options_->age_max) {
    ++shop_.counters.evicted_idle;
    evict(*chains_[oldest_]);
  }
}

void Chains::evict(Chain& chain) {
  if (!MR_PLANTED("last_passed_stay")) last_passed_.clear();
  unlink(chain);
  --shop_.account(chain.label).chains;
  shop_.by_use.erase(chain.place);
  by_key_.erase(by_key_.find(std::string_view(chain.key)));
  free_.push_back(chain.slot);
  chains_[chain.slot].reset();
}

void Chains::evict_all() {
  while (oldest_ != kNoSlot) evict(*chains_[oldest_]);
}

void Chains::link_newest(Chain& chain) {
  chain.older = newest_;
  chain.newer = kNoSlot;
  if (newest_ != kNoSlot) chains_[newest_]->newer = chain.slot;
  newest_ = chain.slot;
  if (oldest_ == kNoSlot) oldest_ = chain.slot;
}

void Chains::unlink(Chain& chain) {
  (chain.older == kNoSlot ? oldest_ : chains_[chain.older]->newer) = chain.newer;
  (chain.newer == kNoSlot ? newest_ : chains_[chain.newer]->older) = chain.older;
}

void Chains::configure(ChainOptionsRef options) {
  options_ = std::move(options);
  if (options_->conflation_key.empty()) return;
  if (!is_keyed() && !MR_PLANTED("rekey_keeps_chain")) evict_all();
  path_ = options_->conflation_key;
}

std::uint32_t Chains::choose(const model::SocketId& subscriber, filter::FilterRef filter) {
  const auto known = members_.find(subscriber);
  const std::uint32_t old = known == members_.end() ? kNoFilter : known->second;
  std::uint32_t id = kNoFilter;
  if (filter) {
    const filter::Interner::Added added = filters_.add(filter);
    id = added.id;
    members_[subscriber] = id;
    // The id may have been another filter's: no bit of it may stay.
    const bool is_judged = added.is_new && !MR_PLANTED("stale_filter_bits");
    for (std::uint32_t slot = newest_; is_judged && slot != kNoSlot;) {
      Chain& chain = *chains_[slot];
      chain.passes.reset(id);
      slot = chain.older;
      if (MR_PLANTED("heads_not_judged")) continue;
      if (filter->passes(chain.event, chain.tags)) chain.passes.set(id);
    }
  } else if (known != members_.end()) {
    members_.erase(known);
  }
  if (old != kNoFilter && filters_.release(old) && old < last_passed_.size()) {
    last_passed_[old].reset();
  }
  return id;
}

void Chains::count(std::uint8_t form_class, int change) {
  if (form_class == FormClass::kNone) return;
  std::uint32_t& count = class_counts_[form_class];
  MR_ASSERT(change > 0 || count > 0, "a form class that nobody has");
  count = change > 0 ? count + 1 : count - 1;
  const std::uint32_t bit = 1U << form_class;
  classes_in_use_ = count > 0 ? classes_in_use_ | bit : classes_in_use_ & ~bit;
  if (!is_advancing()) evict_all();
}

DeltaStart Chains::start(const model::SocketId& subscriber, const StartRequest& request) const {
  const auto member = members_.find(subscriber);
  const std::uint32_t filter = member == members_.end() ? kNoFilter : member->second;
  std::vector<pusher::SyncState> states;
  std::size_t bytes = 0;
  const bool has_bases = is_keyed() && request.wants_bases;
  for (std::uint32_t slot = oldest_; has_bases && slot != kNoSlot; slot = chains_[slot]->newer) {
    const Chain& chain = *chains_[slot];
    if (filter != kNoFilter && !chain.passes.test(filter)) continue;
    const Kept& head = MR_PLANTED("sync_not_atomic") && chain.before ? *chain.before : *chain.last;
    const bool is_second = FormClass::of(request.form_class).is_second;
    const std::string_view text = model::variant_of(head.message, is_second)->text();
    states.push_back({chain.key, text, wire_number(head.number())});
    bytes += chain.key.size() + text.size();
  }
  // All or nothing: then every base there is counts as received.
  const bool counts = has_bases && bytes <= options_->sync_bytes_max;
  if (!counts) states.clear();
  DeltaStart start;
  start.joined = counts ? 1 : request.next;
  if (MR_PLANTED("empty_sync_counts") && is_keyed()) start.joined = 1;
  if (MR_PLANTED("sync_not_counted")) start.joined = request.next;
  if (MR_PLANTED("plain_counts")) start.joined = 1;
  if (MR_PLANTED("unkeyed_no_sync") && !is_keyed()) return start;
  start.sync = pusher::delta_cache_sync({request.channel, path_, options_->messages_per_key_max,
                                         FormClass::of(request.form_class).is_second},
                                        states);
  return start;
}

}  // namespace mr::channel
