#include "cli/bench_decoder.h"

#include "base/hash.h"

namespace mr::cli {
namespace {

// Frames on their way are decoded against any of these.
constexpr std::uint32_t kHeldOfAKey = 1024;
constexpr std::size_t kTextBytesMax = 16 << 20;

}  // namespace

BenchDecoder::BenchDecoder() : reader_({kTextBytesMax, std::size_t{256} << 20, kHeldOfAKey}) {}

std::optional<BenchDecoder::Message> BenchDecoder::read(std::string_view frame) {
  const std::uint64_t hash = base::seeded_hash(frame, 0);
  Known& known = known_[hash % kRemembered];
  if (known.hash != hash) known = {hash, decode(frame)};
  return known.message;
}

std::optional<BenchDecoder::Message> BenchDecoder::decode(std::string_view frame) {
  const client::DeltaReader::Result result = reader_.take(frame);
  if (result.outcome == client::DeltaReader::Outcome::kLost) {
    error_ = result.why;
    return std::nullopt;
  }
  const bool is_plain = result.outcome == client::DeltaReader::Outcome::kPlain;
  if (!is_plain && result.outcome != client::DeltaReader::Outcome::kMessage) return std::nullopt;
  const auto mark = BenchMark::find(is_plain ? frame : std::string_view(result.text));
  if (!mark) return std::nullopt;
  return Message{*mark, result.number, result.base, result.is_keyed};
}

}  // namespace mr::cli
