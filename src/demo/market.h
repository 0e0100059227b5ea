#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace mr::demo {

// One event of the simulated market, as a publisher would send it by REST: `data` is JSON text
// that stands in the event as a JSON string (json::quote).
struct Tick {
  std::string channel;
  std::string event;
  std::string data;
};

// A market that never was: a dozen symbols whose best bid and ask walk at random, some livelier
// than others, in the shape of recorded tickers: {"symbol","bid","bidSize","ask","askSize","ts"}
// with prices and sizes as strings of fixed decimals. The same seed gives the same walk.
//
// Belongs to one loop. It knows no time: the caller decides how often next() is called.
class Market {
 public:
  static constexpr std::string_view kChannel = "ticker-simulated";
  static constexpr std::string_view kEvent = "ticker";
  // A rate that looks alive and costs nothing.
  static constexpr std::uint32_t kTicksPerSecond = 25;

  explicit Market(std::uint64_t seed);

  // The next change of one symbol; `now_ms` (Unix time) is written into it.
  Tick next(std::int64_t now_ms);

  std::vector<std::string_view> symbols() const;

 private:
  struct Symbol {
    std::string_view name;
    std::uint32_t weight;  // how often it moves, relative to the others
    int decimals;          // of its prices
    std::int64_t start;    // price at the start, in units of the last decimal
    std::int64_t mid;      // price now
    std::int64_t half_spread;
  };
  Symbol& pick();
  void walk(Symbol& symbol);

  base::SeededRandom random_;
  std::vector<Symbol> symbols_;
  std::uint64_t weights_ = 0;
};

}  // namespace mr::demo
