#include "cluster/node_table.h"

#include <algorithm>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr std::uint32_t kOwnEchoesMin = 4;
constexpr std::size_t kGoneMax = 256;  // lines kept of boots that are gone

}  // namespace

NodeTable::NodeTable(BootId self, const Options& options, TableEvents& events)
    : self_(self),
      heartbeat_(options.heartbeat),
      node_timeout_(options.node_timeout),
      events_(events) {
  NodeLine& own = lines_.emplace_back();
  own.boot = self;
  own.name = options.name;
  own.is_alive = true;
}

const NodeLine* NodeTable::find(BootId boot) const {
  const auto found = std::ranges::find(lines_, boot, &NodeLine::boot);
  return found == lines_.end() ? nullptr : &*found;
}

NodeLine& NodeTable::line(BootId boot, base::TimePoint now) {
  const auto found = std::ranges::find(lines_, boot, &NodeLine::boot);
  if (found != lines_.end()) return *found;
  if (lines_.size() > kGoneMax) {
    const auto gone = std::ranges::find(lines_, false, &NodeLine::is_alive);
    if (gone != lines_.end()) lines_.erase(gone);
  }
  NodeLine& made = lines_.emplace_back();
  made.boot = boot;
  made.heard = now;
  return made;
}

void NodeTable::revive(NodeLine& line, base::TimePoint now) {
  line.heard = now;
  line.own_echoes = 0;
  if (line.is_alive) return;
  line.is_alive = true;
  events_.on_alive(line.boot);
}

void NodeTable::open(base::TimePoint now) {
  opened_ = echo_ = now;
  for (NodeLine& line : lines_) line.own_echoes = 0;
}

void NodeTable::note(BootId boot, base::TimePoint now) {
  if (find(boot) == nullptr) revive(line(boot, now), now);
}

void NodeTable::greet(BootId boot, const HelloMessage& hello, base::TimePoint now) {
  NodeLine& greeted = line(boot, now);
  if (greeted.has_left) return;
  greeted.name = hello.name;
  if (hello.is_joining && !greeted.greeted) {
    greeted.greeted = now;
    greeted.is_alive = true;
    events_.on_joining(boot);
  }
  revive(greeted, now);
}

bool NodeTable::hear(BootId boot, const BeatMessage& beat, base::TimePoint now) {
  NodeLine& heard = line(boot, now);
  if (heard.has_left || beat.number <= heard.beat) return false;
  if (boot == self_) {
    echo_ = now;
    for (NodeLine& other : lines_) ++other.own_echoes;
  }
  heard.beat = beat.number;
  heard.name = beat.name;
  if (boot != self_) {
    heard.status = beat.status;
    heard.facts = beat.facts;
    heard.load = beat.load;
  }
  revive(heard, now);
  return true;
}

void NodeTable::leave(BootId boot) {
  const auto found = std::ranges::find(lines_, boot, &NodeLine::boot);
  if (found == lines_.end() || boot == self_) return;
  found->has_left = true;
  forget(*found);
}

void NodeTable::bury_silent(base::TimePoint now) {
  for (NodeLine& line : lines_) {
    if (!line.is_alive || line.boot == self_) continue;
    const bool are_we_here = MR_PLANTED("death_by_clock_alone") ||
                             (line.own_echoes >= kOwnEchoesMin && now - echo_ < 2 * heartbeat_);
    const base::TimePoint since =
        MR_PLANTED("death_by_clock_alone") ? line.heard : std::max(line.heard, opened_);
    if (are_we_here && now - since >= node_timeout_) forget(line);
  }
}

void NodeTable::describe_self(std::string_view status, const NodeFacts& facts,
                              const NodeLoad& load) {
  NodeLine& own = lines_.front();
  own.status = status;
  own.facts = facts;
  own.load = load;
}

void NodeTable::forget(NodeLine& line) {
  if (!line.is_alive) return;
  line.is_alive = false;
  events_.on_gone(line.boot);
}

}  // namespace mr::cluster
