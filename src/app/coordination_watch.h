#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "observability/gauge.h"
#include "observability/log.h"

namespace mr::app {

// Tells once a node, not once a loop, whether full messages are counted with the other nodes.
// Control loop.
class CoordinationWatch {
 public:
  CoordinationWatch(observability::Log& log, std::size_t loops)
      : log_(log, "delta"), loops_(loops) {}

  struct News {
    bool is_on = false;
    bool is_up = false;
    std::string backend;
    std::string why;  // it is not up
  };
  void take(std::size_t loop, News news);
  // 1 while the counters answer all loops that ask; nothing while coordination is off.
  void collect(std::vector<observability::GaugeSample>& out) const;

 private:
  void tell(const News& news) const;

  enum class Told : std::uint8_t { kNothing, kUp, kDown };

  const observability::Logger log_;
  std::vector<News> loops_;
  Told told_ = Told::kNothing;
};

}  // namespace mr::app
