#include "cluster/batch.h"

#include <zlib.h>

#include <limits>
#include <new>
#include <utility>

#include "base/assert.h"
#include "cluster/varint.h"

namespace mr::cluster {
namespace {

constexpr int kRaw = -15;  // no header, the widest window
constexpr int kMemory = 8;
// A byte of deflate stands for at most so many: four codes of two bits, each for 258.
constexpr std::size_t kRatioMax = 1032;
static_assert(kEnvelopeBytesMax < std::numeric_limits<uInt>::max());

Bytef* bytes_of(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

base::Error<EnvelopeErrc> refuse(std::string why) { return {EnvelopeErrc::kField, std::move(why)}; }

// Nothing: it is no deflate, or another size comes out.
std::optional<std::string> inflate_whole(std::string_view deflated, std::size_t size) {
  z_stream stream{};
  MR_ASSERT(inflateInit2(&stream, kRaw) == Z_OK, "zlib has memory");
  std::string text(size, '\0');
  stream.next_in = bytes_of(deflated);
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = bytes_of(text);
  stream.avail_out = static_cast<uInt>(size);
  const bool is_whole =
      inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  if (!is_whole) return std::nullopt;
  return text;
}

std::optional<base::Error<EnvelopeErrc>> inflate_batch(BatchMessage& batch) {
  if (!batch.envelopes.empty()) return refuse("it holds envelopes twice, also compressed");
  if (batch.size > kEnvelopeBytesMax || batch.size > batch.deflated.size() * kRatioMax) {
    return refuse("field size is " + std::to_string(batch.size) + "; " +
                  std::to_string(batch.deflated.size()) + " compressed bytes cannot hold so much");
  }
  std::optional<std::string> envelopes = inflate_whole(batch.deflated, batch.size);
  if (!envelopes) {
    return refuse("field deflated does not inflate to " + std::to_string(batch.size) +
                  " bytes; it was damaged");
  }
  batch.envelopes = *std::move(envelopes);
  batch.deflated = {};
  batch.size = 0;
  return std::nullopt;
}

}  // namespace

void append_entry(std::string& envelopes, std::string_view envelope) {
  append_varint(envelopes, envelope.size());
  envelopes.append(envelope);
}

std::size_t entry_size(std::string_view envelope) {
  return varint_size(envelope.size()) + envelope.size();
}

std::optional<std::string_view> take_entry(std::string_view& rest) {
  std::uint64_t length = 0;
  if (take_varint(rest, length) != Varint::kRead || length > rest.size()) return std::nullopt;
  const std::string_view entry = rest.substr(0, length);
  rest.remove_prefix(length);
  return entry;
}

std::optional<base::Error<EnvelopeErrc>> unpack(BatchMessage& batch) {
  if (!batch.deflated.empty()) {
    if (auto error = inflate_batch(batch)) return error;
  } else if (batch.size != 0) {
    return refuse("field size is there, and nothing is compressed");
  }
  if (batch.envelopes.empty()) return refuse("it holds no envelope");
  std::size_t entries = 0;
  for (std::string_view rest = batch.envelopes; !rest.empty();) {
    const std::optional<std::string_view> entry = take_entry(rest);
    if (!entry) return refuse("field envelopes ends inside an entry");
    if (peek_kind(*entry) == Kind::kBatch) return refuse("it holds another batch");
    if (++entries > kEnvelopeListMax) {
      return refuse("it holds more than " + std::to_string(kEnvelopeListMax) + " envelopes");
    }
  }
  return std::nullopt;
}

Deflater::Deflater() : stream_(new z_stream{}) {
  MR_ASSERT(
      deflateInit2(stream_, Z_BEST_SPEED, Z_DEFLATED, kRaw, kMemory, Z_DEFAULT_STRATEGY) == Z_OK,
      "zlib has memory");
}

Deflater::~Deflater() {
  deflateEnd(stream_);
  delete stream_;
}

std::string Deflater::deflate(std::string_view text) {
  if (text.empty()) return {};
  std::string out(text.size() - 1, '\0');
  deflateReset(stream_);
  stream_->next_in = bytes_of(text);
  stream_->avail_in = static_cast<uInt>(text.size());
  stream_->next_out = bytes_of(out);
  stream_->avail_out = static_cast<uInt>(out.size());
  if (::deflate(stream_, Z_FINISH) != Z_STREAM_END) return {};
  out.resize(out.size() - stream_->avail_out);
  return out;
}

}  // namespace mr::cluster
