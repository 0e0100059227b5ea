#include "demo/market.h"

#include <algorithm>

#include "json/writer.h"

namespace mr::demo {
namespace {

// "4012.35" for 401235 with two decimals.
std::string fixed(std::int64_t units, int decimals) {
  std::string digits = std::to_string(units);
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  digits.insert(digits.size() - places, ".");
  return digits;
}

}  // namespace

Market::Market(std::uint64_t seed) : random_(seed) {
  symbols_ = {
      {"ALMUSDT", 14, 2, 6'741'250, 0, 40}, {"BRYUSDT", 12, 2, 354'118, 0, 6},
      {"CORUSDT", 10, 3, 158'420, 0, 12},   {"DUNUSDT", 9, 4, 62'315, 0, 8},
      {"ELMUSDT", 8, 4, 118'540, 0, 14},    {"FERUSDT", 7, 5, 31'207, 0, 6},
      {"GINUSDT", 6, 3, 27'881, 0, 4},      {"HAWUSDT", 5, 2, 18'734, 0, 3},
      {"IVYUSDT", 4, 5, 9'482, 0, 3},       {"JUNUSDT", 3, 4, 740'116, 0, 40},
      {"KELUSDT", 2, 6, 214'730, 0, 30},    {"LARUSDT", 1, 2, 99'950, 0, 15},
  };
  for (Symbol& symbol : symbols_) {
    symbol.mid = symbol.start;
    weights_ += symbol.weight;
  }
}

std::vector<std::string_view> Market::symbols() const {
  std::vector<std::string_view> names;
  names.reserve(symbols_.size());
  for (const Symbol& symbol : symbols_) names.push_back(symbol.name);
  return names;
}

Market::Symbol& Market::pick() {
  std::uint64_t at = random_.below(weights_);
  for (Symbol& symbol : symbols_) {
    if (at < symbol.weight) return symbol;
    at -= symbol.weight;
  }
  return symbols_.back();
}

void Market::walk(Symbol& symbol) {
  // Steps of up to 0.05 % either way, pulled gently back to the start so that a page left open
  // for days still shows sane prices.
  const std::int64_t step_max = std::max<std::int64_t>(2, symbol.mid / 2000);
  const auto step =
      static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * step_max + 1)));
  symbol.mid += step - step_max + (symbol.start - symbol.mid) / 500;
  symbol.mid = std::max(symbol.mid, symbol.half_spread + 1);
}

Tick Market::next(std::int64_t now_ms) {
  Symbol& symbol = pick();
  walk(symbol);
  const auto spread = symbol.half_spread + static_cast<std::int64_t>(random_.below(4));
  Tick tick{std::string(kChannel), std::string(kEvent), {}};
  json::Writer writer(tick.data);
  writer.begin_object();
  writer.key("symbol");
  writer.string(symbol.name);
  writer.key("bid");
  writer.string(fixed(std::max<std::int64_t>(1, symbol.mid - spread), symbol.decimals));
  writer.key("bidSize");
  writer.string(fixed(static_cast<std::int64_t>(100 + random_.below(900'000)), 3));
  writer.key("ask");
  writer.string(fixed(symbol.mid + spread, symbol.decimals));
  writer.key("askSize");
  writer.string(fixed(static_cast<std::int64_t>(100 + random_.below(900'000)), 3));
  writer.key("ts");
  writer.number(now_ms);
  writer.end_object();
  return tick;
}

}  // namespace mr::demo
