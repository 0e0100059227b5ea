#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/messages.h"
#include "cluster/types.h"
#include "crypto/hmac.h"

namespace mr::cluster {

// How a message travels between nodes: docs/cluster.md, "Envelopes", has every byte.

// The numbers are on the wire and stay for ever.
enum class Kind : std::uint8_t {
  kData = 1,
  kProbe,
  kMarkRequest,
  kMark,
  kGapQuestion,
  kGapAnswer,
  kHello,
  kWelcome,
  kBeat,
  kLeave,
  kShare,
  kShareRequest,
  kBroadcast,
  kCommand = 16,
  kBatch,
};

enum class EnvelopeErrc : std::uint8_t {
  kNotOurs,    // another first byte
  kMajor,      // of a major version that this node does not read
  kKind,       // of a kind that a later format brought
  kTruncated,  // ends before what its header or a field's length announces
  kField,      // a field, or the priority or sender of the header, is missing or wrong
  kUnsigned,   // this node has a secret, and the envelope no signature
  kSignature,  // of another secret, or damaged
  kTooLarge,   // above kEnvelopeBytesMax
};

inline constexpr std::size_t kEnvelopeBytesMax = (16 << 20) + (64 << 10);
inline constexpr std::size_t kEnvelopeListMax = 64 * 1024;  // entries of one list

struct Envelope {
  BootId from = BootId::kNone;
  std::uint8_t priority = model::kUsualPriority;
  Message message;
  bool operator==(const Envelope&) const = default;
};

// Both directions for one loop. With a secret it signs, and refuses what has no right signature;
// without one it takes a signed envelope unchecked, so all nodes need the same secret.
class EnvelopeCodec {
 public:
  // Empty: no secret.
  explicit EnvelopeCodec(std::string_view secret);

  // The sender must be set. Nothing else is checked: what breaks a limit of decode() is refused by
  // whoever gets it.
  std::string encode(const Envelope& envelope);
  // Takes any bytes and keeps none of them. An error's detail names what is wrong and holds nothing
  // of a text.
  base::Result<Envelope, EnvelopeErrc> decode(std::string_view bytes);

 private:
  base::Result<std::string_view, EnvelopeErrc> without_signature(std::string_view bytes);

  std::optional<crypto::HmacSha256> hmac_;
};

Kind kind_of(const Message& message);
// What the header says, unchecked; nothing, and 0: these bytes have none of this major version.
std::optional<Kind> peek_kind(std::string_view bytes);
std::uint8_t peek_priority(std::string_view bytes);
// For labels and log lines: "data", "gap_question"...
std::string_view name_of(Kind kind);
// "magic", "version", "kind", "truncated", "field", "unsigned", "signature", "too_large".
std::string_view name_of(EnvelopeErrc error);

}  // namespace mr::cluster
