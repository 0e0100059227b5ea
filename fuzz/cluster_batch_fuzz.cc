#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "cluster/batch.h"

// A batch as it may come: plain, or compressed with any announced size. What is accepted holds
// whole entries to its end, at least one, and no other batch; compressed again it is the same.

namespace {

namespace cluster = mr::cluster;

void check(cluster::BatchMessage batch) {
  if (const auto error = cluster::unpack(batch)) {
    MR_ASSERT(!error->detail.empty(), "a refusal says why");
    return;
  }
  MR_ASSERT(batch.deflated.empty() && batch.size == 0, "nothing is compressed any more");
  MR_ASSERT(!batch.envelopes.empty(), "there is something");
  std::string again;
  std::string_view rest = batch.envelopes;
  while (!rest.empty()) {
    const auto entry = cluster::take_entry(rest);
    MR_ASSERT(entry.has_value(), "whole entries");
    MR_ASSERT(cluster::peek_kind(*entry) != cluster::Kind::kBatch, "no batch inside");
    cluster::append_entry(again, *entry);
  }
  MR_ASSERT(again.size() <= batch.envelopes.size(), "no form is shorter");
  static cluster::Deflater deflater;
  std::string deflated = deflater.deflate(batch.envelopes);
  if (deflated.empty()) return;
  MR_ASSERT(deflated.size() < batch.envelopes.size(), "it is shorter");
  cluster::BatchMessage packed{"", std::move(deflated), batch.envelopes.size()};
  MR_ASSERT(!cluster::unpack(packed) && packed == batch, "as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  check({std::string(input), "", 0});
  if (size < 2) return 0;
  const std::uint64_t announced = bytes[0] | std::uint64_t{bytes[1]} << 8;
  check({"", std::string(input.substr(2)), announced});
  return 0;
}
