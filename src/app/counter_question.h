#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/bus_source.h"
#include "base/function.h"
#include "cluster/counter.h"
#include "net/loop.h"

namespace mr::app {

// One question of an operator about the counters that all nodes share, over a connection of its
// own: also on a node that does not count itself. One use; that loop only.
class CounterQuestion final : public cluster::CounterEvents {
 public:
  static constexpr base::Duration kPatience = std::chrono::seconds(2);  // for a connection
  static constexpr base::Duration kDeadline = std::chrono::seconds(5);  // with all

  struct Asked {
    enum class Kind : std::uint8_t { kList, kRead, kReset };
    Kind kind = Kind::kList;
    cluster::CounterQuery query{};  // of kList
    cluster::CounterKey key{};      // of the others
  };
  // `done` gets a page: of kRead with the counter, if there is one; of kReset with none.
  CounterQuestion(net::Loop& loop, BusSource& source, Asked asked)
      : loop_(loop), source_(source), asked_(std::move(asked)) {}
  ~CounterQuestion() { stop(); }
  // `done` runs once, on the loop, never inside the call; it may end the life of this.
  void start(base::Function<void(cluster::CounterPage)> done);

 private:
  void on_counted(const cluster::CountRequestRef&, const cluster::Counted&) override {}
  void on_uncounted(const cluster::CountRequestRef&) override {}
  void on_answer(bool) override {}
  void look();
  void ask();
  void take(cluster::CounterPage page);
  void fail(std::string why);
  void finish();
  void stop();

  net::Loop& loop_;
  BusSource& source_;
  const Asked asked_;
  std::unique_ptr<cluster::Counter> counter_;
  base::Function<void(cluster::CounterPage)> done_;
  cluster::CounterPage page_;
  base::TimePoint began_{};
  net::TimerId next_ = net::TimerId::kNone;
  net::TimerId deadline_ = net::TimerId::kNone;
};

}  // namespace mr::app
