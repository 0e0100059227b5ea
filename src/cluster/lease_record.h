#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/types.h"

namespace mr::cluster {

// One owner of a resource: every owner has a higher epoch than the one before, and where a store
// forgot a grant, the boot tells two owners of one epoch apart.
struct Token {
  std::uint64_t epoch = 0;
  BootId boot = BootId::kNone;
  bool operator==(const Token&) const = default;
};

// What the store holds of a lease: no time and no time to live. Owners raise the beat; others see
// whether it changes.
struct LeaseRecord {
  Token token{};
  std::uint64_t beat = 0;
};

// `epoch boot beat`, the boot in 16 hex digits. Nothing: another text.
std::string encode_lease(const LeaseRecord& record);
std::optional<LeaseRecord> parse_lease(std::string_view text);

// Whether a write of `writer` may land beside a lease of this text: the whole token is compared,
// where the write lands.
bool owns(std::string_view lease_text, const Token& writer);

}  // namespace mr::cluster
