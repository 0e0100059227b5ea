#include "cluster/store_counter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr std::size_t kClaimMax = 1024;
// Chains whose revision is remembered.
constexpr std::size_t kChainsMax = 10'000;
// After a conflict somebody else writes the chain, for so long.
constexpr base::Duration kRivalry = std::chrono::milliseconds(200);
// Who never loses cannot know whether others try.
constexpr std::uint32_t kWinsMax = 8;

// The places of so many messages; `count` goes on behind them.
std::vector<Counted> places_of(const std::vector<CountRequestRef>& claimed, Count& count) {
  std::vector<Counted> places;
  for (const CountRequestRef& request : claimed) {
    Counted counted{.place = count.count + 1, .before = count};
    counted.is_full = counted.place >= request->interval;
    places.push_back(counted);
    count.interval = request->interval;
    count.count = counted.is_full && !MR_PLANTED("count_not_wrapped") ? 0 : counted.place;
  }
  return places;
}

}  // namespace

StoreCounter::StoreCounter(net::Loop& loop, Source source, CounterEvents& events)
    : loop_(loop),
      store_(std::move(source.store)),
      node_(std::move(source.node)),
      backend_(source.backend),
      events_(events),
      chains_(0, base::TextHash{loop.random().next()}) {}

void StoreCounter::stop() {
  *std::exchange(alive_, std::make_shared<bool>(true)) = false;
  store_->stop();
  chains_.clear();
}

bool StoreCounter::count(const CountRequestRef& request) {
  if (!store_->problem().empty()) return false;
  Chain& chain = find_or_create(*request);
  chain.waiting.push_back(request);
  claim(chain);
  return true;
}

StoreCounter::Chain& StoreCounter::find_or_create(const CountRequest& request) {
  std::string name = counter_name(request.key);
  const auto found = chains_.find(std::string_view(name));
  if (found != chains_.end()) return *found->second;
  if (chains_.size() >= kChainsMax) {
    erase_if(chains_, [](const auto& entry) {
      return !entry.second->is_busy && entry.second->waiting.empty();
    });
  }
  auto made = std::make_unique<Chain>(RecordKey{Space::kDeltaCounts, name});
  return *chains_.emplace(std::move(name), std::move(made)).first->second;
}

void StoreCounter::claim(Chain& chain) {
  if (chain.is_busy) return;
  Claim claimed;
  std::deque<CountRequestRef>& waiting = chain.waiting;
  while (!waiting.empty() && claimed.size() < kClaimMax) {
    if (waiting.front()->is_open) claimed.push_back(std::move(waiting.front()));
    waiting.pop_front();
  }
  if (claimed.empty()) return;
  chain.is_busy = true;
  if (chain.known) return update(chain, std::move(claimed));
  waiting.insert(waiting.begin(), claimed.begin(), claimed.end());
  look_up(chain);
}

void StoreCounter::look_up(Chain& chain) {
  const base::TimePoint sent = loop_.clock().now();
  store_->read(chain.key, within_patience([this, &chain, sent](const StoreAnswer& answer) {
                 chain.is_busy = false;
                 if (!heard(answer)) return unheard(chain, sent);
                 chain.known = Known{answer.revision, parse_count(answer.value)};
                 claim(chain);
               }));
}

void StoreCounter::update(Chain& chain, Claim claimed) {
  Update update;
  update.known = *chain.known;
  const Revision expected = update.known.revision;
  update.places = places_of(claimed, update.known.count);
  update.known.count.node = node_;
  update.claimed = std::move(claimed);
  update.sent = loop_.clock().now();
  const std::string value = format_count(update.known.count);
  store_->write(chain.key, value, expected,
                within_patience(
                    [this, &chain, update = std::move(update)](const StoreAnswer& answer) mutable {
                      updated(chain, std::move(update), answer);
                    }));
}

void StoreCounter::updated(Chain& chain, Update update, const StoreAnswer& answer) {
  chain.known.reset();
  if (!heard(answer)) {
    // Whether it was written nobody knows: never again, and each message as its chain says.
    for (const CountRequestRef& request : update.claimed) events_.on_uncounted(request);
    chain.is_busy = false;
    return unheard(chain, update.sent);
  }
  if (answer.kind == StoreAnswer::Kind::kConflict) {
    chain.has_rivals = true;
    chain.conflict_at = loop_.clock().now();
    chain.wins = 0;
    chain.waiting.insert(chain.waiting.begin(), update.claimed.begin(), update.claimed.end());
    chain.is_busy = false;
    return claim(chain);
  }
  update.known.revision = answer.revision;
  chain.known = std::move(update.known);
  for (std::size_t i = 0; i < update.claimed.size(); ++i) {
    const std::size_t whose = MR_PLANTED("claim_not_bound") ? update.claimed.size() - 1 - i : i;
    events_.on_counted(update.claimed[whose], update.places[i]);
  }
  won(chain, loop_.clock().now() - update.sent);
}

void StoreCounter::read(const CounterKey& key,
                        base::Function<void(std::optional<CounterState>)> done) {
  store_->read({Space::kDeltaCounts, counter_name(key)},
               [key, done = std::move(done)](const StoreAnswer& answer) mutable {
                 if (answer.kind != StoreAnswer::Kind::kDone) return done(std::nullopt);
                 done(CounterState{key, parse_count(answer.value), answer.life, answer.ends_in});
               });
}

// The records in the order of their last writes; the cursor is the place of the next one.
struct StoreCounter::Listing {
  CounterQuery query;
  std::uint64_t from = 0;
  base::TimePoint began{};
  CounterPage page{};
  base::Function<void(CounterPage)> done;

  void take(const StoreAnswer& answer) {
    from = answer.revision.number + 1;
    if (answer.name.empty()) {
      ++page.unnamed;
      return;
    }
    auto key = parse_counter_name(answer.name);
    if (!key || !is_wanted(query, *key)) return;
    page.counters.push_back(
        {std::move(*key), parse_count(answer.value), answer.life, answer.ends_in});
  }
};

void StoreCounter::list(const CounterQuery& query, base::Function<void(CounterPage)> done) {
  auto listing = std::make_shared<Listing>();
  listing->query = query;
  listing->began = loop_.clock().now();
  listing->done = std::move(done);
  const std::string& cursor = query.cursor;
  const char* const end = cursor.data() + cursor.size();
  const bool is_good = cursor.empty() || std::from_chars(cursor.data(), end, listing->from) ==
                                             std::from_chars_result{end, std::errc{}};
  if (is_good) return list_next(listing);
  listing->page.problem = unknown_cursor(cursor);
  loop_.post([listing] { listing->done(std::move(listing->page)); });
}

void StoreCounter::list_next(const std::shared_ptr<Listing>& listing) {
  const bool is_taken =
      store_->next(Space::kDeltaCounts, listing->from,
                   [this, listing](const StoreAnswer& answer) { listed(listing, answer); });
  if (is_taken) return;
  listing->page.problem = "this store cannot list its records";
  loop_.post([listing] { listing->done(std::move(listing->page)); });
}

void StoreCounter::listed(const std::shared_ptr<Listing>& listing, const StoreAnswer& answer) {
  CounterPage& page = listing->page;
  if (answer.kind != StoreAnswer::Kind::kDone) {
    page = {};
    page.problem = store_->problem().empty() ? "the store does not answer in time; try again"
                                             : store_->problem();
    return listing->done(std::move(page));
  }
  if (answer.revision.is_absent()) return listing->done(std::move(page));
  listing->take(answer);
  const bool is_over = page.counters.size() >= listing->query.limit ||
                       loop_.clock().now() - listing->began >= CounterPage::kPatience;
  if (!is_over) return list_next(listing);
  page.next = std::to_string(listing->from);
  listing->done(std::move(page));
}

void StoreCounter::reset(const CounterKey& key, base::Function<void(bool)> done) {
  const RecordKey record = {Space::kDeltaCounts, counter_name(key)};
  store_->read(record, [this, record, done = std::move(done)](const StoreAnswer& answer) mutable {
    if (answer.kind != StoreAnswer::Kind::kDone) return done(false);
    if (answer.revision.is_absent()) return done(true);
    store_->erase(record, answer.revision,
                  [done = std::move(done)](const StoreAnswer& gone) mutable {
                    done(gone.kind == StoreAnswer::Kind::kDone);
                  });
  });
}

void StoreCounter::won(Chain& chain, base::Duration trip) {
  chain.has_rivals = chain.has_rivals && loop_.clock().now() - chain.conflict_at < kRivalry;
  ++chain.wins;
  if (!chain.has_rivals && chain.wins < kWinsMax) {
    chain.is_busy = false;
    return claim(chain);
  }
  chain.wins = 0;
  loop_.after(2 * trip, [this, &chain, alive = alive_] {
    if (!*alive) return;
    chain.is_busy = false;
    claim(chain);
  });
}

bool StoreCounter::heard(const StoreAnswer& answer) {
  const bool came = answer.kind != StoreAnswer::Kind::kNone;
  events_.on_answer(came);
  if (!came) forget_all();
  return came;
}

void StoreCounter::unheard(Chain& chain, base::TimePoint sent) {
  if (loop_.clock().now() - sent >= patience_) return claim(chain);
  // Refused, or no connection: trying again at once would find the same.
  for (const CountRequestRef& request : std::exchange(chain.waiting, {})) {
    events_.on_uncounted(request);
  }
}

// The connection or the store may be another one now.
void StoreCounter::forget_all() {
  for (auto& [name, chain] : chains_) chain->known.reset();
}

Store::OnAnswer StoreCounter::within_patience(Store::OnAnswer take) {
  struct Once {
    Store::OnAnswer take;
    net::TimerId timer = net::TimerId::kNone;
  };
  auto once = std::make_shared<Once>(Once{std::move(take)});
  once->timer = loop_.after(patience_, [once, alive = alive_] {
    if (*alive && once->take) std::exchange(once->take, {})({});
  });
  return [this, once, alive = alive_](StoreAnswer answer) {
    if (!*alive || !once->take) return;
    loop_.cancel(once->timer);
    std::exchange(once->take, {})(std::move(answer));
  };
}

}  // namespace mr::cluster
