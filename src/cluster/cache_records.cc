#include "cluster/cache_records.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/planted.h"
#include "model/message.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kRetry = std::chrono::milliseconds(250);

}  // namespace

CacheRecords::CacheRecords(net::Loop& loop, Store& store, HybridClock& clock,
                           std::string_view secret, const Limits& limits)
    : loop_(loop), store_(store), clock_(clock), codec_(secret), limits_(limits) {}

CacheRecords::~CacheRecords() { loop_.cancel(retry_timer_); }

CacheRecords::Version CacheRecords::version_of(const Envelope& event) {
  return {std::get<EventMessage>(event.message).cache_time, event.from};
}

// --- writing -----------------------------------------------------------------------------------

void CacheRecords::save(std::uint32_t partition, const std::string& name, const Envelope& event) {
  const Version version = version_of(event);
  const auto [found, is_new] = writes_.try_emplace(name);
  Write& write = found->second;
  if (!is_new && version <= write.version) return;
  waiting_bytes_ -= write.bytes.size();
  write.partition = partition;
  write.version = version;
  write.bytes = codec_.encode(event);
  waiting_bytes_ += write.bytes.size();
  make_ready(name);
  make_room(name);
}

void CacheRecords::make_ready(const std::string& name) {
  Write& write = writes_.at(name);
  if (write.is_under_way || std::exchange(write.is_ready, true)) return;
  ready_.push_back(name);
  begin_ready();
}

// Most often the record is as this loop left it, or absent; if not, it is read and compared.
void CacheRecords::begin_ready() {
  while (requests_ < limits_.requests_max && !ready_.empty()) {
    const std::string name = std::move(ready_.front());
    ready_.pop_front();
    const auto found = writes_.find(name);
    if (found == writes_.end() || !std::exchange(found->second.is_ready, false)) continue;
    found->second.is_under_way = true;
    ++requests_;
    const auto known = revisions_.find(name);
    write(name, known == revisions_.end() ? Revision{} : known->second);
  }
}

void CacheRecords::end_request(const std::string& name) {
  writes_.at(name).is_under_way = false;
  --requests_;
}

void CacheRecords::write(const std::string& name, Revision expected) {
  Write& write = writes_.at(name);
  store_.write({Space::kCache, name}, write.bytes, expected,
               [this, name, version = write.version](const StoreAnswer& answer) {
                 if (answer.kind == StoreAnswer::Kind::kConflict) return compare(name);
                 end_request(name);
                 if (answer.kind == StoreAnswer::Kind::kNone) return retry_later();
                 ++counters_.written;
                 if (revisions_.size() >= limits_.revisions_max) revisions_.clear();
                 revisions_[name] = answer.revision;
                 settle(name, version);
               });
}

void CacheRecords::compare(const std::string& name) {
  revisions_.erase(name);
  store_.read({Space::kCache, name}, [this, name](const StoreAnswer& answer) {
    if (answer.kind != StoreAnswer::Kind::kDone) {
      end_request(name);
      return retry_later();
    }
    const auto there = decode(name, answer.value);
    const bool is_older = there && writes_.at(name).version <= version_of(*there);
    if (!is_older || MR_PLANTED("last_writer_wins")) return write(name, answer.revision);
    ++counters_.older;
    end_request(name);
    settle(name, version_of(*there));
  });
}

// The record has this version or a newer one.
void CacheRecords::settle(const std::string& name, Version written) {
  Write& write = writes_.at(name);
  std::vector<Need> needs = std::move(write.needs);
  write.needs.clear();
  if (write.version <= written) {
    waiting_bytes_ -= write.bytes.size();
    writes_.erase(name);
  } else {
    std::ranges::copy_if(needs, std::back_inserter(write.needs),
                         [written](const Need& need) { return need.version > written; });
    make_ready(name);
  }
  begin_ready();
  release(needs, written);
}

void CacheRecords::release(std::vector<Need>& needs, Version written) {
  const base::TimePoint now = loop_.clock().now();
  for (Need& need : needs) {
    if (need.version > written || --need.waiter->missing > 0) continue;
    if (need.waiter->until >= now) need.waiter->task();
  }
}

void CacheRecords::retry_later() {
  ++counters_.unanswered;
  try_later();
}

void CacheRecords::try_later() {
  if (retry_timer_ != net::TimerId::kNone) return;
  retry_timer_ = loop_.after(kRetry, [this] {
    retry_timer_ = net::TimerId::kNone;
    if (!store_.problem().empty()) return try_later();
    for (auto& [name, write] : writes_) {
      if (write.is_under_way || std::exchange(write.is_ready, true)) continue;
      ready_.push_back(name);
    }
    begin_ready();
  });
}

// While the store is away, what is saved last is worth the most.
void CacheRecords::make_room(const std::string& but) {
  for (auto at = writes_.begin();
       at != writes_.end() && waiting_bytes_ > limits_.waiting_bytes_max;) {
    if (at->first == but || at->second.is_under_way) {
      ++at;
      continue;
    }
    ++counters_.dropped;
    waiting_bytes_ -= at->second.bytes.size();
    at = writes_.erase(at);
  }
}

void CacheRecords::when_saved(std::uint32_t partition, base::Task task) {
  auto waiter = std::make_shared<Waiter>();
  const base::TimePoint now = loop_.clock().now();
  for (auto& [name, write] : writes_) {
    if (write.partition != partition || MR_PLANTED("marker_before_cache_write")) continue;
    std::erase_if(write.needs, [now](const Need& need) { return need.waiter->until < now; });
    write.needs.push_back({write.version, waiter});
    ++waiter->missing;
  }
  // Without a store nobody reads what was saved.
  if (waiter->missing == 0 || !store_.problem().empty()) return task();
  waiter->until = now + kPatience;
  waiter->task = std::move(task);
}

// --- reading -----------------------------------------------------------------------------------

void CacheRecords::read(const std::string& name,
                        base::Function<void(std::optional<Envelope>)> done) {
  store_.read({Space::kCache, name},
              [this, name, done = std::move(done)](const StoreAnswer& answer) mutable {
                const bool is_answered = answer.kind == StoreAnswer::Kind::kDone;
                ++(is_answered ? counters_.read : counters_.unread);
                done(is_answered ? decode(name, answer.value) : std::nullopt);
              });
}

// Nothing when it is absent, or no event of this channel.
std::optional<Envelope> CacheRecords::decode(const std::string& name, const std::string& value) {
  if (value.empty()) return std::nullopt;
  auto decoded = codec_.decode(value);
  const EventMessage* const event =
      decoded ? std::get_if<EventMessage>(&decoded.value().message) : nullptr;
  if (event == nullptr || model::channel_key(event->app_id, event->channel) != name) {
    ++counters_.refused;
    return std::nullopt;
  }
  clock_.observe(event->cache_time);
  return std::move(decoded).value();
}

}  // namespace mr::cluster
