#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "cluster/envelope.h"

// Bytes from the broker: what is read keeps its limits and is written and read back the same,
// signed and unsigned; what is refused says why.

namespace {

namespace cluster = mr::cluster;

void check(const mr::model::Tags& tags) {
  MR_ASSERT(tags.size() <= mr::model::kTagsMax, "so many tags");
  for (std::size_t i = 0; i < tags.size(); ++i) {
    MR_ASSERT(!tags[i].name.empty() && tags[i].name.size() <= mr::model::kTagNameBytesMax,
              "a name");
    MR_ASSERT(tags[i].value.size() <= mr::model::kTagValueBytesMax, "a value");
    MR_ASSERT(i == 0 || tags[i - 1].name < tags[i].name, "sorted, each once");
  }
}

void check(const cluster::Gap& gap) {
  MR_ASSERT(gap.first > 0 && gap.first <= gap.last, "a gap has numbers");
}

// What others rely on.
struct Limits {
  void operator()(const cluster::EventMessage& data) const {
    MR_ASSERT(data.sequence > 0, "a number");
    MR_ASSERT(!data.app_id.empty() && !data.channel.empty() && !data.event.empty(), "a place");
    if (data.except) {
      MR_ASSERT(data.except->high < mr::model::SocketId::kHalfMax, "half a socket id");
      MR_ASSERT(data.except->low < mr::model::SocketId::kHalfMax, "half a socket id");
    }
    check(data.tags);
  }
  void operator()(const cluster::MarkRequest& request) const {
    MR_ASSERT(cluster::partition_subject(request.partition) != cluster::Subject::kControl,
              "a partition");
    for (const auto boot : request.wanted) MR_ASSERT(boot != cluster::BootId::kNone, "a node");
  }
  void operator()(const cluster::GapQuestion& question) const { check(question.gap); }
  void operator()(const cluster::GapAnswer& answer) const { check(answer.gap); }
  void operator()(const cluster::BeatMessage& beat) const { MR_ASSERT(beat.number > 0, "a beat"); }
  void operator()(const auto& /*other*/) const {}
};

void check_same(cluster::EnvelopeCodec& codec, const cluster::Envelope& envelope) {
  const std::string bytes = codec.encode(envelope);
  const auto again = codec.decode(bytes);
  MR_ASSERT(again.ok(), "what is written is read");
  MR_ASSERT(again.value() == envelope, "as it was");
  MR_ASSERT(codec.encode(again.value()) == bytes, "one message, one form");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static cluster::EnvelopeCodec open("");
  static cluster::EnvelopeCodec closed("cluster secret");
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto read = open.decode(input);
  if (const auto checked = closed.decode(input)) {
    MR_ASSERT(read.ok() && read.value() == checked.value(), "a signature changes nothing else");
  }
  if (!read) {
    MR_ASSERT(!read.error().detail.empty(), "a refusal says why");
    MR_ASSERT(cluster::name_of(read.error().code) != "unknown", "and has a label");
    return 0;
  }
  MR_ASSERT(cluster::name_of(cluster::kind_of(read.value().message)) != "unknown", "a kind");
  std::visit(Limits{}, read.value().message);
  check_same(open, read.value());
  check_same(closed, read.value());
  return 0;
}
