#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "cluster/counter.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

// The counters as records that change by compare-and-set, for stores without scripts (NATS). While
// one update of a chain is under way its other messages wait, and the next one claims a place for
// each. A conflict is tried again after a read; an update without an answer never is. Whoever won
// while others write the same chain lets two round trips pass, or the others would never win.
class StoreCounter final : public Counter {
 public:
  struct Source {
    std::unique_ptr<Store> store;
    std::string node;  // this one's name
    std::string_view backend;
  };
  StoreCounter(net::Loop& loop, Source source, CounterEvents& events);
  ~StoreCounter() override { stop(); }

  void start() override { store_->start(); }
  void stop() override;
  void set_patience(base::Duration patience) override { patience_ = patience; }
  bool count(const CountRequestRef& request) override;
  void read(const CounterKey& key, base::Function<void(std::optional<CounterState>)> done) override;
  void list(const CounterQuery& query, base::Function<void(CounterPage)> done) override;
  void reset(const CounterKey& key, base::Function<void(bool)> done) override;
  std::string_view backend() const override { return backend_; }
  const std::string& problem() const override { return store_->problem(); }

 private:
  struct Known {
    Revision revision{};
    Count count;
  };
  struct Chain {
    explicit Chain(RecordKey record) : key(std::move(record)) {}
    const RecordKey key;
    std::deque<CountRequestRef> waiting;
    bool is_busy = false;  // a request is under way, or it is the others' turn
    std::optional<Known> known;
    base::TimePoint conflict_at{};
    bool has_rivals = false;
    std::uint32_t wins = 0;  // in a row, without a pause for others
  };
  using Claim = std::vector<CountRequestRef>;
  struct Listing;
  struct Update {
    Claim claimed;
    std::vector<Counted> places;
    Known known;  // once it is written
    base::TimePoint sent{};
  };

  Chain& find_or_create(const CountRequest& request);
  void claim(Chain& chain);
  void look_up(Chain& chain);
  void update(Chain& chain, Claim claimed);
  void updated(Chain& chain, Update update, const StoreAnswer& answer);
  void won(Chain& chain, base::Duration trip);
  void list_next(const std::shared_ptr<Listing>& listing);
  void listed(const std::shared_ptr<Listing>& listing, const StoreAnswer& answer);
  bool heard(const StoreAnswer& answer);
  void unheard(Chain& chain, base::TimePoint sent);
  void forget_all();
  // `take` once, with the answer or, after the patience, with none.
  Store::OnAnswer within_patience(Store::OnAnswer take);

  net::Loop& loop_;
  const std::unique_ptr<Store> store_;
  const std::string node_;
  const std::string_view backend_;
  CounterEvents& events_;
  base::Duration patience_ = std::chrono::milliseconds(50);
  base::TextMap<std::unique_ptr<Chain>> chains_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // until it is stopped
};

}  // namespace mr::cluster
