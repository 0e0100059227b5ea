#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "cluster/lease_record.h"
#include "cluster/node_roll.h"
#include "cluster/quota_page.h"

// Whatever stands in the store: what can be read is written and read again as the same.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace mr::cluster;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (auto roll = parse_roll(text)) {
    MR_ASSERT(roll->lines.size() <= NodeRoll::kLinesMax, "bounded");
    MR_ASSERT(parse_roll(encode_roll(*roll)) == roll, "the same roll");
    roll->set_open(StoreLife{1});
    MR_ASSERT(roll->is_open(StoreLife{1}), "open");
    while (!roll->lines.empty()) {
      const RollLine line = roll->lines.back();
      MR_ASSERT(roll->is_held(line.boot, line.epoch), "held");
      roll->end(line.boot, true);
      MR_ASSERT(!roll->is_held(line.boot, line.epoch), "not any more");
    }
    roll->end(BootId{1}, true);
    MR_ASSERT(parse_roll(encode_roll(*roll)) == roll, "bounded");
  }
  if (auto page = parse_quota(text)) {
    MR_ASSERT(page->slices.size() <= QuotaPage::kSlicesMax, "bounded");
    MR_ASSERT(parse_quota(encode_quota(*page)) == page, "the same page");
    for (const QuotaSlice& slice : page->slices) {
      MR_ASSERT(page->find(slice.scope, slice.boot) != nullptr, "found");
      MR_ASSERT(quota_record_of(slice.scope).starts_with("quota."), "placed");
    }
    MR_ASSERT(page->find("", BootId::kNone) == nullptr, "nobody's");
  }
  if (const auto lease = parse_lease(text)) {
    const auto again = parse_lease(encode_lease(*lease));
    MR_ASSERT(again && again->token == lease->token && again->beat == lease->beat,
              "the same lease");
    MR_ASSERT(owns(text, lease->token), "the owner owns it");
  }
  return 0;
}
