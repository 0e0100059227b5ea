#include "delta/fossil.h"

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "delta/checksum.h"

namespace mr::delta {
namespace {

constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
constexpr std::uint8_t kNoDigit = 64;
constexpr std::size_t kNumberBytesMax = 6;  // 32 bits

constexpr std::array<std::uint8_t, 256> kDigitValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

char* put_number(char* out, std::uint32_t number) {
  if (number < 64) {
    *out = kDigits[number];
    return out + 1;
  }
  const auto digits = (static_cast<std::uint32_t>(std::bit_width(number)) + 5) / 6;
  for (std::uint32_t shift = 6 * digits; shift > 0;) {
    shift -= 6;
    *out++ = kDigits[(number >> shift) & 63];
  }
  return out;
}

char* put_command(char* out, std::uint32_t number, char command) {
  out = put_number(out, number);
  *out = command;
  return out + 1;
}

char* put_literal(char* out, std::string_view text) {
  if (text.empty()) return out;
  out = put_command(out, static_cast<std::uint32_t>(text.size()), ':');
  return out + text.copy(out, text.size());
}

base::Error<Errc> refuse(Errc code, std::string_view what, std::uint64_t value,
                         std::string_view remedy) {
  return {code, "the Fossil delta " + std::string(what) + " " + std::to_string(value) + ": " +
                    std::string(remedy)};
}

class Decoder {
 public:
  Decoder(std::string_view base, std::string_view delta) : base_(base), delta_(delta) {}

  base::Result<std::string, Errc> run(std::size_t target_bytes_max) {
    auto failed = announce(target_bytes_max);
    while (!failed && !ended_) failed = command();
    if (failed) return *std::move(failed);
    return std::move(target_);
  }

 private:
  using Failure = std::optional<base::Error<Errc>>;

  // The number before the next command character; nothing when it has no digit or over 32 bits.
  std::optional<std::uint32_t> number() {
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    for (; at_ < delta_.size(); ++at_) {
      const std::uint8_t digit = kDigitValues[static_cast<unsigned char>(delta_[at_])];
      if (digit == kNoDigit) break;
      value = value << 6 | digit;
      if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    }
    if (at_ == begin) return std::nullopt;
    return static_cast<std::uint32_t>(value);
  }

  Failure no_number() const {
    if (at_ == delta_.size()) return truncated();
    return refuse(Errc::kSyntax, "has no 32-bit number at byte", at_, "ask for the full message");
  }
  Failure truncated() const {
    return refuse(Errc::kTruncated, "ends without ';' at byte", at_, "ask for the full message");
  }

  Failure announce(std::size_t target_bytes_max) {
    const auto bytes = number();
    if (!bytes) return no_number();
    if (at_ == delta_.size()) return truncated();
    if (delta_[at_++] != '\n') {
      return refuse(Errc::kSyntax, "has no line feed after the size, at byte", at_ - 1,
                    "check the algorithm of the frame");
    }
    if (*bytes > target_bytes_max) {
      return refuse(Errc::kTooLarge, "announces a text of bytes", *bytes,
                    "at most " + std::to_string(target_bytes_max) + " are allowed");
    }
    announced_ = *bytes;
    target_.reserve(announced_);
    return std::nullopt;
  }

  Failure command() {
    const auto argument = number();
    if (!argument) return no_number();
    if (at_ == delta_.size()) return truncated();
    const char name = delta_[at_++];
    if (name == ';') return end(*argument);
    if (name != '@' && name != ':') {
      return refuse(Errc::kSyntax, "has an unknown command at byte", at_ - 1,
                    "only '@', ':' and ';' are known");
    }
    if (*argument > announced_ - target_.size()) {
      return refuse(Errc::kSize, "makes more than the announced bytes,", announced_,
                    "ask for the full message");
    }
    return name == '@' ? copy(*argument) : literal(*argument);
  }

  Failure copy(std::uint32_t bytes) {
    const auto from = number();
    if (!from) return no_number();
    if (at_ == delta_.size()) return truncated();
    if (delta_[at_++] != ',') {
      return refuse(Errc::kSyntax, "has no ',' after a copy, at byte", at_ - 1,
                    "ask for the full message");
    }
    if (*from > base_.size() || bytes > base_.size() - *from) {
      return refuse(Errc::kOutOfBounds, "copies past the end of its base of bytes", base_.size(),
                    "it belongs to another base; ask for the full message");
    }
    target_.append(base_, *from, bytes);
    return std::nullopt;
  }

  Failure literal(std::uint32_t bytes) {
    if (bytes > delta_.size() - at_) {
      return refuse(Errc::kTruncated, "ends within a literal of bytes", bytes,
                    "ask for the full message");
    }
    target_.append(delta_, at_, bytes);
    at_ += bytes;
    return std::nullopt;
  }

  Failure end(std::uint32_t sum) {
    if (target_.size() != announced_) {
      return refuse(Errc::kSize, "makes fewer than the announced bytes,", announced_,
                    "ask for the full message");
    }
    if (fossil_checksum(target_) != sum) {
      return refuse(Errc::kChecksum, "rebuilds a text whose sum is not", sum,
                    "it belongs to another base; ask for the full message");
    }
    if (at_ != delta_.size()) {
      return refuse(Errc::kTrailing, "goes on after ';' at byte", at_, "ask for the full message");
    }
    ended_ = true;
    return std::nullopt;
  }

  std::string_view base_;
  std::string_view delta_;
  std::string target_;
  std::size_t at_ = 0;
  std::size_t announced_ = 0;
  bool ended_ = false;
};

}  // namespace

void write_fossil(std::string_view target, std::span<const Copy> copies, std::string& out) {
  constexpr std::size_t kCommandBytesMax = kNumberBytesMax + 1;
  std::size_t literal_bytes = target.size();
  for (const Copy& copy : copies) literal_bytes -= copy.bytes;
  // Per copy a literal and two numbers; size, last literal and sum.
  out.resize(literal_bytes + (3 * copies.size() + 3) * kCommandBytesMax);
  char* end = put_command(out.data(), static_cast<std::uint32_t>(target.size()), '\n');
  std::size_t at = 0;
  for (const Copy& copy : copies) {
    end = put_literal(end, target.substr(at, copy.target - at));
    end = put_command(end, copy.bytes, '@');
    end = put_command(end, copy.base, ',');
    at = copy.target + copy.bytes;
  }
  end = put_literal(end, target.substr(at));
  end = put_command(end, fossil_checksum(target), ';');
  out.resize(static_cast<std::size_t>(end - out.data()));
}

base::Result<std::string, Errc> decode_fossil(std::string_view base, std::string_view delta,
                                              std::size_t target_bytes_max) {
  return Decoder(base, delta).run(target_bytes_max);
}

}  // namespace mr::delta
