#include "cluster/envelope.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "cluster/batch.h"
#include "cluster/envelope_fields.h"
#include "crypto/encoding.h"

namespace mr::cluster {
namespace {

// No text begins with it: UTF-8 has no such byte, nor has MessagePack.
constexpr std::uint8_t kMagic = 0xc1;
constexpr std::uint8_t kMajor = 1;
constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kFormatOfBatches = 2;  // a node of the first one refuses them
constexpr std::uint8_t kSignedFlag = 1;

constexpr std::size_t kMajorAt = 1;
constexpr std::size_t kFormatAt = 2;
constexpr std::size_t kKindAt = 3;
constexpr std::size_t kFlagsAt = 4;
constexpr std::size_t kPriorityAt = 5;
constexpr std::size_t kFromAt = 6;
constexpr std::size_t kHeaderBytes = kFromAt + kBootBytes;
constexpr std::size_t kSignatureBytes = 16;

constexpr std::size_t kKinds = std::variant_size_v<Message>;
// By alternative of Message.
constexpr std::array kWireKinds{
    Kind::kData,      Kind::kProbe,        Kind::kMarkRequest, Kind::kMark,    Kind::kGapQuestion,
    Kind::kGapAnswer, Kind::kHello,        Kind::kWelcome,     Kind::kBeat,    Kind::kLeave,
    Kind::kShare,     Kind::kShareRequest, Kind::kBroadcast,   Kind::kCommand, Kind::kBatch};
static_assert(kWireKinds.size() == kKinds);

// kKinds: none has it.
std::size_t alternative_of(std::uint8_t kind) {
  return static_cast<std::size_t>(std::ranges::find(kWireKinds, Kind{kind}) - kWireKinds.begin());
}

using Error = base::Error<EnvelopeErrc>;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::string_view signature_of(const crypto::HmacSha256::Mac& mac) {
  return {reinterpret_cast<const char*>(mac.data()), kSignatureBytes};
}

template <std::size_t... kIndex>
Message fresh(std::size_t index, std::index_sequence<kIndex...> /*alternatives*/) {
  Message message;
  ((index == kIndex ? static_cast<void>(message.emplace<kIndex>()) : void()), ...);
  return message;
}

// Whether it can be read at all; the signature comes before everything else.
std::optional<Error> refuse_foreign(std::string_view bytes) {
  if (bytes.size() > kEnvelopeBytesMax) {
    return Error{EnvelopeErrc::kTooLarge, "the envelope has " + std::to_string(bytes.size()) +
                                              " bytes; at most " +
                                              std::to_string(kEnvelopeBytesMax) + " are read"};
  }
  if (!bytes.empty() && byte_at(bytes, 0) != kMagic) {
    return Error{EnvelopeErrc::kNotOurs,
                 "it begins with byte " + std::to_string(byte_at(bytes, 0)) + ", not " +
                     std::to_string(kMagic) +
                     "; another program publishes there: give each its own prefix"};
  }
  if (bytes.size() > kMajorAt && byte_at(bytes, kMajorAt) != kMajor) {
    return Error{EnvelopeErrc::kMajor, "its major version is " +
                                           std::to_string(byte_at(bytes, kMajorAt)) +
                                           ", this node reads " + std::to_string(kMajor) +
                                           "; run releases with the same one in a cluster"};
  }
  if (bytes.size() < kHeaderBytes) {
    return Error{EnvelopeErrc::kTruncated, "it has " + std::to_string(bytes.size()) +
                                               " bytes, and a header has " +
                                               std::to_string(kHeaderBytes)};
  }
  return std::nullopt;
}

std::optional<Error> refuse_header(std::string_view header) {
  if (byte_at(header, kFormatAt) == 0) {
    return Error{EnvelopeErrc::kField, "its format is 0; the first is 1"};
  }
  const std::uint8_t kind = byte_at(header, kKindAt);
  if (alternative_of(kind) == kKinds) {
    return Error{EnvelopeErrc::kKind, "its kind is " + std::to_string(kind) +
                                          ", which this node does not know; its format is " +
                                          std::to_string(byte_at(header, kFormatAt))};
  }
  if (byte_at(header, kPriorityAt) > model::kCriticalPriority) {
    return Error{EnvelopeErrc::kField,
                 "its priority is " + std::to_string(byte_at(header, kPriorityAt)) + "; at most " +
                     std::to_string(model::kCriticalPriority) + " can be there"};
  }
  if (read_boot(header.substr(kFromAt)) == BootId::kNone) {
    return Error{EnvelopeErrc::kField, "its sender is the boot id 0, which no node has"};
  }
  return std::nullopt;
}

}  // namespace

EnvelopeCodec::EnvelopeCodec(std::string_view secret) {
  if (!secret.empty()) hmac_.emplace(secret);
}

std::string EnvelopeCodec::encode(const Envelope& envelope) {
  MR_ASSERT(envelope.from != BootId::kNone, "an envelope has a sender");
  std::string out;
  out.reserve(kHeaderBytes + fields_size(envelope.message) + (hmac_ ? kSignatureBytes : 0));
  const Kind kind = kind_of(envelope.message);
  for (const std::uint8_t byte : {kMagic, kMajor, kind == Kind::kBatch ? kFormatOfBatches : kFormat,
                                  static_cast<std::uint8_t>(kind),
                                  hmac_ ? kSignedFlag : std::uint8_t{0}, envelope.priority}) {
    out.push_back(static_cast<char>(byte));
  }
  append_boot(out, envelope.from);
  append_fields(out, envelope.message);
  if (hmac_) out.append(signature_of(hmac_->sign(out)));
  return out;
}

base::Result<Envelope, EnvelopeErrc> EnvelopeCodec::decode(std::string_view bytes) {
  if (auto refused = refuse_foreign(bytes)) return *std::move(refused);
  const auto body = without_signature(bytes);
  if (!body) return body.error();
  if (auto refused = refuse_header(bytes)) return *std::move(refused);
  const std::uint8_t kind = byte_at(bytes, kKindAt);
  Envelope envelope{read_boot(bytes.substr(kFromAt)), byte_at(bytes, kPriorityAt),
                    fresh(alternative_of(kind), std::make_index_sequence<kKinds>{})};
  auto error = read_fields(body.value().substr(kHeaderBytes), envelope.message);
  auto* const batch = std::get_if<BatchMessage>(&envelope.message);
  if (!error && batch != nullptr) error = unpack(*batch);
  if (error) {
    error->detail = std::string(name_of(Kind{kind})).append(": ").append(error->detail);
    return *std::move(error);
  }
  return envelope;
}

base::Result<std::string_view, EnvelopeErrc> EnvelopeCodec::without_signature(
    std::string_view bytes) {
  if ((byte_at(bytes, kFlagsAt) & kSignedFlag) == 0) {
    if (!hmac_) return bytes;
    return Error{EnvelopeErrc::kUnsigned,
                 "it has no signature, and this node has a secret; give all nodes the same one"};
  }
  if (bytes.size() < kHeaderBytes + kSignatureBytes) {
    return Error{EnvelopeErrc::kTruncated, "it has " + std::to_string(bytes.size()) +
                                               " bytes, and header and signature have " +
                                               std::to_string(kHeaderBytes + kSignatureBytes)};
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kSignatureBytes);
  if (hmac_ &&
      !crypto::equal_constant_time(signature_of(hmac_->sign(body)), bytes.substr(body.size()))) {
    return Error{EnvelopeErrc::kSignature,
                 "its signature is of another secret, or it was damaged; give all nodes the same "
                 "secret"};
  }
  return body;
}

std::string to_text(BootId boot) {
  std::string text(16, '0');
  auto number = static_cast<std::uint64_t>(boot);
  for (auto digit = text.rbegin(); number != 0; ++digit, number >>= 4) {
    *digit = "0123456789abcdef"[number & 0xf];
  }
  return text;
}

Kind kind_of(const Message& message) { return kWireKinds[message.index()]; }

std::optional<Kind> peek_kind(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || byte_at(bytes, 0) != kMagic) return std::nullopt;
  if (byte_at(bytes, kMajorAt) != kMajor) return std::nullopt;
  return Kind{byte_at(bytes, kKindAt)};
}

std::uint8_t peek_priority(std::string_view bytes) {
  return bytes.size() < kHeaderBytes ? 0 : byte_at(bytes, kPriorityAt);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kData:
      return "data";
    case Kind::kProbe:
      return "probe";
    case Kind::kMarkRequest:
      return "mark_request";
    case Kind::kMark:
      return "mark";
    case Kind::kGapQuestion:
      return "gap_question";
    case Kind::kGapAnswer:
      return "gap_answer";
    case Kind::kHello:
      return "hello";
    case Kind::kWelcome:
      return "welcome";
    case Kind::kBeat:
      return "beat";
    case Kind::kLeave:
      return "leave";
    case Kind::kShare:
      return "share";
    case Kind::kShareRequest:
      return "share_request";
    case Kind::kBroadcast:
      return "broadcast";
    case Kind::kCommand:
      return "command";
    case Kind::kBatch:
      return "batch";
  }
  return "unknown";
}

std::string_view name_of(EnvelopeErrc error) {
  switch (error) {
    case EnvelopeErrc::kNotOurs:
      return "magic";
    case EnvelopeErrc::kMajor:
      return "version";
    case EnvelopeErrc::kKind:
      return "kind";
    case EnvelopeErrc::kTruncated:
      return "truncated";
    case EnvelopeErrc::kField:
      return "field";
    case EnvelopeErrc::kUnsigned:
      return "unsigned";
    case EnvelopeErrc::kSignature:
      return "signature";
    case EnvelopeErrc::kTooLarge:
      return "too_large";
  }
  return "unknown";
}

}  // namespace mr::cluster
