#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/function.h"
#include "base/random.h"
#include "net/sim/sim_clock.h"

namespace mr::net::sim {

// What the scheduler steps; implemented by SimLoop.
class Stepped {
 public:
  virtual bool is_runnable() = 0;
  // The next moment at which it becomes runnable by itself; TimePoint::max() for never.
  virtual base::TimePoint next_timer() = 0;
  virtual void iterate() = 0;

 protected:
  ~Stepped() = default;
};

// The stepper: all loops of all nodes of a test, one thread, virtual time. Everything that is
// random comes from the seed, so the same test with the same seed has the same hash().
//
// A step delivers what the network and the workers have due, then runs one iteration of one
// runnable loop, chosen at random. When none is runnable the clock jumps to the next event. An
// iteration costs 1 to 20 us of virtual time, so that busy loops do not stop the clock.
// It must outlive every SimNetwork and SimRuntime made on it.
class Sim {
 public:
  explicit Sim(std::uint64_t seed);
  Sim(const Sim&) = delete;
  Sim& operator=(const Sim&) = delete;

  // False when nothing is left to do at any time.
  bool step();
  void run_for(base::Duration duration);
  // Steps until the predicate holds; false when `limit` of virtual time passed before, or when
  // nothing is left to do.
  bool run_until(base::Function<bool()> predicate, base::Duration limit);

  // Runs `task` in no loop's name at that time (or with the next step), in order of time and call.
  void at(base::TimePoint time, base::Task task);

  SimClock& clock() { return clock_; }
  base::Random& random() { return random_; }
  // Of everything noted so far.
  std::uint64_t hash() const { return hash_; }
  void note(std::uint64_t who, std::uint64_t what, std::uint64_t size);

  // For the loops.
  std::uint32_t join(Stepped& loop);  // its id
  void leave(Stepped& loop);
  // Between steps the test itself may touch any loop.
  bool is_current(const Stepped& loop) const { return !stepping_ || current_ == &loop; }

 private:
  bool run_events();
  Stepped* choose();
  base::TimePoint next_event();
  bool step_before(base::TimePoint end);

  SimClock clock_;
  base::SeededRandom random_;
  std::vector<Stepped*> loops_;
  std::map<std::pair<base::TimePoint, std::uint64_t>, base::Task> events_;
  std::uint64_t next_event_ = 0;
  std::uint64_t hash_ = 14695981039346656037U;
  std::uint32_t next_id_ = 0;
  Stepped* current_ = nullptr;
  bool stepping_ = false;
};

}  // namespace mr::net::sim
