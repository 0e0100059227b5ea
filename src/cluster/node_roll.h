#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/store.h"
#include "cluster/types.h"

namespace mr::cluster {

// One node's registration. Its epoch comes from the record, a new one with every registration.
struct RollLine {
  BootId boot = BootId::kNone;
  std::uint64_t epoch = 0;
  // The first of this boot's registrations that followed each other without a burial: what the boot
  // held under these is still its own.
  std::uint64_t since = 0;
  std::uint64_t beat = 0;
  std::string name;
  bool operator==(const RollLine&) const = default;
};

// A registration that ended: its node left, or was buried.
struct RollEnd {
  BootId boot = BootId::kNone;
  std::uint64_t epoch = 0;
  bool has_left = false;
  bool operator==(const RollEnd&) const = default;
};

// All registered nodes: one record of the store. Text lines:
//   roll 1 EPOCH                     the version, and the highest epoch that was given
//   open LIFE ...                    lives of servers that were watched for a node timeout
//   node BOOT EPOCH SINCE BEAT NAME  boots in 16 hex digits, names percent-coded
//   left BOOT EPOCH, dead BOOT EPOCH the last kEndsMax
struct NodeRoll {
  static constexpr std::size_t kLinesMax = 128;
  static constexpr std::size_t kEndsMax = 32;
  static constexpr std::size_t kLivesMax = 32;

  std::uint64_t epoch = 0;
  std::vector<StoreLife> open;
  std::vector<RollLine> lines;
  std::vector<RollEnd> ends;

  const RollLine* find(BootId boot) const;
  RollLine* find(BootId boot);
  // Takes the line out, and remembers its end.
  void end(BootId boot, bool has_left);
  bool is_open(StoreLife life) const;
  void set_open(StoreLife life);
  // Whether what `boot` held under `epoch` is held still. What this roll cannot know of yet is.
  bool is_held(BootId boot, std::uint64_t epoch) const;

  bool operator==(const NodeRoll&) const = default;
};

std::string encode_roll(const NodeRoll& roll);
// The empty text is an empty roll. Nothing: not of this version.
std::optional<NodeRoll> parse_roll(std::string_view text);

}  // namespace mr::cluster
