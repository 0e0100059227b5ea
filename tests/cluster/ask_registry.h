#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "cluster/registry.h"

namespace mr::cluster::test {

// Asks again and again, as a node does, until an answer is good; that one in order, or nothing when
// none was in time. A question that is still under way then may be answered later.
template <class RunUntil>
std::optional<Registry::Lines> ask_until(RunUntil run_until, Registry& registry, BootId boot,
                                         std::function<bool(const Registry::Lines&)> is_good) {
  struct Question {
    std::optional<Registry::Lines> lines;
    bool is_waiting = false;
  };
  const auto question = std::make_shared<Question>();
  run_until([&registry, boot, &is_good, question] {
    if (question->lines && is_good(*question->lines)) return true;
    if (std::exchange(question->is_waiting, true)) return false;
    registry.beat(boot, "a name", [question](const Registry::Lines* lines) {
      question->is_waiting = false;
      if (lines != nullptr) question->lines = *lines;
    });
    return question->lines && is_good(*question->lines);
  });
  if (!question->lines || !is_good(*question->lines)) return std::nullopt;
  std::ranges::sort(*question->lines);
  return question->lines;
}

}  // namespace mr::cluster::test
