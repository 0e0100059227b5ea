#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/function.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

struct ClaimCounters {
  std::uint64_t won = 0;
  std::uint64_t answered = 0;    // somebody had settled the key
  std::uint64_t taken_over = 0;  // from a holder that was silent
  std::uint64_t busy = 0;        // given up: its holder works on it for too long
  std::uint64_t unknown = 0;     // the store did not answer
  std::uint64_t lost = 0;        // answers that could not be stored
};

// Keys on which one node at a time works, and the answers that were found, in the store; for one
// loop. A claim whose holder leaves it unchanged for kSilence of our own time is taken over: no
// clock is compared with another one. Outlived by its loop and store.
class Claims {
 public:
  enum class Kind : std::uint8_t { kWon, kAnswered, kBusy, kUnknown };
  using OnClaimed = base::Function<void(Kind, std::string answer)>;
  static constexpr base::Duration kSilence = std::chrono::seconds(2);
  static constexpr base::Duration kPatience = std::chrono::seconds(5);

  // At most `held_max` claims are remembered to be settled.
  Claims(net::Loop& loop, Store& store, std::size_t held_max);
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  // Not twice at the same time for one name.
  void claim(const std::string& name, OnClaimed done);
  // What this loop won, or could not ask for. Empty: it is free again.
  void settle(const std::string& name, const std::string& answer);

  std::size_t held() const { return held_.size(); }
  const ClaimCounters& counters() const { return counters_; }

 private:
  struct Held {
    std::uint64_t id = 0;  // of the claim, in its record
    Revision revision;     // absent: unknown
    std::string answer;
    bool is_settled = false;
    int tries = 0;
  };
  // One that waits for the store, or for another holder.
  struct Wish {
    std::string name;
    OnClaimed done;
    std::uint64_t id = 0;
    base::TimePoint begun{};
    Revision seen;  // the other holder's
    base::TimePoint seen_since{};
  };
  using WishRef = std::shared_ptr<Wish>;

  void take(const WishRef& wish, Revision expected);
  void look(const WishRef& wish);
  void judge(const WishRef& wish, const StoreAnswer& answer);
  void hold(const WishRef& wish, Revision revision, Kind kind);
  void put(const std::string& name);
  void read_before_put(const std::string& name);
  void put_later(const std::string& name);

  net::Loop& loop_;
  Store& store_;
  const std::size_t held_max_;
  std::map<std::string, Held> held_;
  std::map<std::uint64_t, WishRef> waiting_;  // to look again
  ClaimCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster
