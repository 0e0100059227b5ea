#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/random.h"

namespace mr::test {

// A text like those of market data: few different bytes, many repetitions.
inline std::string random_text(base::Random& random, std::size_t bytes_max) {
  static constexpr std::string_view kWords[] = {"\"price\":", "0.00", "[[", "]],", "672.00000000",
                                                "a",          "7",    "zz", "\n",  "symbol"};
  std::string text;
  const std::uint64_t wanted = random.below(bytes_max + 1);
  while (text.size() < wanted) {
    if (random.below(3) == 0) {
      text += static_cast<char>(random.below(256));
    } else {
      text += kWords[random.below(std::size(kWords))];
    }
  }
  return text;
}

// The text after some changes as they happen between messages of one key.
inline std::string changed_text(base::Random& random, std::string text) {
  for (std::uint64_t change = random.below(8); change > 0; --change) {
    const std::size_t at = random.below(text.size() + 1);
    const std::size_t bytes = random.below(std::min<std::size_t>(40, text.size() - at) + 1);
    switch (random.below(5)) {
      case 0:
        text.erase(at, bytes);
        break;
      case 1:
        text.insert(at, random_text(random, 30));
        break;
      case 2:
        text.replace(at, bytes, std::string(bytes, 'x'));
        break;
      case 3:
        text.insert(0, text.substr(at, bytes));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
    }
  }
  return text;
}

}  // namespace mr::test
