#include "delta/vcdiff.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "delta/vcdiff_code_table.h"

namespace mr::delta {
namespace {

constexpr std::string_view kMagic("\xD6\xC3\xC4\x00", 4);
constexpr unsigned char kFromBase = 1;    // VCD_SOURCE
constexpr unsigned char kFromTarget = 2;  // VCD_TARGET

std::uint32_t number_bytes(std::uint32_t number) {
  return number < 128 ? 1 : (static_cast<std::uint32_t>(std::bit_width(number)) + 6) / 7;
}

void put_number(std::string& out, std::uint32_t number) {
  for (std::uint32_t shift = 7 * (number_bytes(number) - 1); shift > 0; shift -= 7) {
    out.push_back(static_cast<char>(0x80 | (number >> shift & 0x7F)));
  }
  out.push_back(static_cast<char>(number & 0x7F));
}

using Failure = std::optional<base::Error<Errc>>;

base::Error<Errc> refuse(Errc code, std::string_view what, std::uint64_t value,
                         std::string_view remedy) {
  return {code, "the VCDIFF delta " + std::string(what) + " " + std::to_string(value) + ": " +
                    std::string(remedy)};
}

// Bytes that are taken from the front.
class Section {
 public:
  explicit Section(std::string_view bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size(); }
  std::optional<unsigned char> byte() {
    if (bytes_.empty()) return std::nullopt;
    const auto value = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  // Of at most 32 bits.
  std::optional<std::uint32_t> number() {
    std::uint64_t value = 0;
    while (const auto next = byte()) {
      value = value << 7 | (*next & 0x7FU);
      if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
      if (*next < 0x80) return static_cast<std::uint32_t>(value);
    }
    return std::nullopt;
  }
  std::optional<std::string_view> take(std::size_t count) {
    if (count > bytes_.size()) return std::nullopt;
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

 private:
  std::string_view bytes_;
};

struct Window {
  std::string_view source;
  std::uint32_t target_bytes = 0;
  Section literals{{}};
  Section instructions{{}};
  Section addresses{{}};
};

class Decoder {
 public:
  Decoder(std::string_view base, std::string_view delta, std::size_t target_bytes_max)
      : base_(base), delta_(delta), target_bytes_max_(target_bytes_max) {}

  base::Result<std::string, Errc> run() {
    auto failed = header();
    while (!failed && delta_.size() > 0) failed = window();
    if (failed) return *std::move(failed);
    return std::move(target_);
  }

 private:
  static Failure truncated(std::string_view where) {
    return base::Error<Errc>{Errc::kTruncated,
                             "the VCDIFF delta ends within, or has no 32-bit "
                             "number in, " +
                                 std::string(where) + ": ask for the full message"};
  }

  Failure header() {
    if (delta_.take(kMagic.size()) != kMagic) {
      return base::Error<Errc>{Errc::kSyntax,
                               "the VCDIFF delta does not begin with D6 C3 C4 00: check the "
                               "algorithm of the frame"};
    }
    const auto indicator = delta_.byte();
    if (!indicator) return truncated("its header");
    if (*indicator == 0) return std::nullopt;
    return refuse(Errc::kUnsupported, "has the header indicator", *indicator,
                  "secondary compression, code tables and application headers are not supported");
  }

  Failure window() {
    Window window;
    std::string earlier;  // what a window from the target copies from; the target itself grows
    const unsigned char indicator = *delta_.byte();
    if (indicator > kFromTarget) {
      return refuse(Errc::kUnsupported, "has the window indicator", indicator,
                    "only VCD_SOURCE or VCD_TARGET are supported, no checksum");
    }
    if (indicator != 0) {
      const auto bytes = delta_.number();
      const auto from = delta_.number();
      if (!bytes || !from) return truncated("a window");
      const std::string_view text = indicator == kFromBase ? base_ : std::string_view(target_);
      if (*from > text.size() || *bytes > text.size() - *from) {
        return refuse(Errc::kOutOfBounds, "has a window over the end of its base of bytes",
                      text.size(), "it belongs to another base; ask for the full message");
      }
      window.source = text.substr(*from, *bytes);
      if (indicator == kFromTarget) window.source = earlier = window.source;
    }
    if (auto failed = sections(window)) return failed;
    return rebuild(window);
  }

  Failure sections(Window& window) {
    const auto bytes = delta_.number();
    const auto body = bytes ? delta_.take(*bytes) : std::nullopt;
    if (!body) return truncated("a window");
    Section rest(*body);
    const auto target_bytes = rest.number();
    const auto indicator = rest.byte();
    const auto literals = rest.number();
    const auto instructions = rest.number();
    const auto addresses = rest.number();
    if (!target_bytes || !indicator || !addresses || !instructions || !literals) {
      return truncated("the head of a window");
    }
    if (*indicator != 0) {
      return refuse(Errc::kUnsupported, "has the delta indicator", *indicator,
                    "secondary compression is not supported");
    }
    const std::uint64_t sum = std::uint64_t{*literals} + *instructions + *addresses;
    if (sum > rest.size()) return truncated("the sections of a window");
    if (sum < rest.size()) {
      return refuse(Errc::kTrailing, "has a window with bytes after its sections,",
                    rest.size() - sum, "ask for the full message");
    }
    if (*target_bytes > target_bytes_max_ - target_.size()) {
      return refuse(Errc::kTooLarge, "announces a text of bytes",
                    target_.size() + std::uint64_t{*target_bytes},
                    "at most " + std::to_string(target_bytes_max_) + " are allowed");
    }
    window.target_bytes = *target_bytes;
    window.literals = Section(*rest.take(*literals));
    window.instructions = Section(*rest.take(*instructions));
    window.addresses = Section(*rest.take(*addresses));
    return std::nullopt;
  }

  Failure rebuild(Window& window) {
    caches_.clear();
    window_begin_ = target_.size();
    target_.reserve(window_begin_ + window.target_bytes);
    while (const auto code = window.instructions.byte()) {
      const VcdiffCode& both = kVcdiffCodes[*code];
      for (const VcdiffInstruction& instruction : {both.first, both.second}) {
        if (instruction.kind == VcdiffKind::kNone) continue;
        if (auto failed = execute(instruction, window)) return failed;
      }
    }
    if (target_.size() - window_begin_ != window.target_bytes) {
      return refuse(Errc::kSize, "makes fewer than the announced bytes,", window.target_bytes,
                    "ask for the full message");
    }
    if (window.literals.size() + window.addresses.size() > 0) {
      return refuse(Errc::kTrailing, "has a window with unused bytes,",
                    window.literals.size() + window.addresses.size(), "ask for the full message");
    }
    return std::nullopt;
  }

  Failure execute(const VcdiffInstruction& instruction, Window& window) {
    std::uint32_t bytes = instruction.size;
    if (bytes == 0) {
      const auto size = window.instructions.number();
      if (!size) return truncated("the instructions");
      bytes = *size;
    }
    if (bytes > window.target_bytes - (target_.size() - window_begin_)) {
      return refuse(Errc::kSize, "makes more than the announced bytes,", window.target_bytes,
                    "ask for the full message");
    }
    if (instruction.kind == VcdiffKind::kCopy) return copy(instruction.mode, bytes, window);
    const bool is_run = instruction.kind == VcdiffKind::kRun;
    const auto text = window.literals.take(is_run ? 1 : bytes);
    if (!text) return truncated("the literals");
    is_run ? target_.append(bytes, text->front()) : target_.append(*text);
    return std::nullopt;
  }

  Failure copy(std::uint8_t mode, std::uint32_t bytes, Window& window) {
    const std::uint64_t here = window.source.size() + target_.size() - window_begin_;
    std::optional<std::uint32_t> value;
    if (mode >= kVcdiffFirstSame) {
      value = window.addresses.byte();
    } else {
      value = window.addresses.number();
    }
    if (!value) return truncated("the addresses");
    const std::uint64_t address = caches_.read(mode, *value, static_cast<std::uint32_t>(here));
    if (address >= here) {
      return refuse(Errc::kOutOfBounds, "copies from a place that is not there yet,", address,
                    "it belongs to another base; ask for the full message");
    }
    std::uint64_t from = address;
    if (from < window.source.size()) {
      const auto first = std::min<std::uint64_t>(bytes, window.source.size() - from);
      target_.append(window.source.substr(from, first));
      bytes -= static_cast<std::uint32_t>(first);
      from += first;
    }
    // A copy may read what it writes: that is how a pattern is repeated.
    for (std::size_t at = window_begin_ + from - window.source.size(); bytes > 0; --bytes) {
      target_.push_back(target_[at++]);
    }
    return std::nullopt;
  }

  std::string_view base_;
  Section delta_;
  std::size_t target_bytes_max_;
  std::string target_;
  std::size_t window_begin_ = 0;
  VcdiffAddresses caches_;
};

}  // namespace

void VcdiffWriter::write(std::size_t base_bytes, std::string_view target,
                         std::span<const Copy> copies, std::string& out) {
  base_bytes_ = static_cast<std::uint32_t>(base_bytes);
  instructions_.clear();
  literals_.clear();
  addresses_.clear();
  caches_.clear();
  last_ = Last::kNothing;
  std::size_t at = 0;
  for (const Copy& each : copies) {
    add(target.substr(at, each.target - at));
    copy(each);
    at = each.target + each.bytes;
  }
  add(target.substr(at));
  assemble(target.size(), out);
}

void VcdiffWriter::add(std::string_view text) {
  if (text.empty()) return;
  literals_.append(text);
  const auto size = static_cast<std::uint32_t>(text.size());
  if (size == 1 && last_ == Last::kShortCopy) {
    instructions_.back() = static_cast<char>(kVcdiffCopyAdd + last_argument_);
    last_ = Last::kNothing;
    return;
  }
  last_ = Last::kNothing;
  if (size > kVcdiffAddSizeMax) {
    instructions_.push_back(static_cast<char>(kVcdiffAdd));
    put_number(instructions_, size);
    return;
  }
  instructions_.push_back(static_cast<char>(kVcdiffAdd + size));
  if (size > 4) return;
  last_ = Last::kShortAdd;
  last_argument_ = static_cast<std::uint8_t>(size);
}

void VcdiffWriter::copy(const Copy& copy) {
  const auto [mode, value] = caches_.write(copy.base, base_bytes_ + copy.target);
  if (mode >= kVcdiffFirstSame) {
    addresses_.push_back(static_cast<char>(value));
  } else {
    put_number(addresses_, value);
  }
  const bool joins = last_ == Last::kShortAdd && copy.bytes >= 4 &&
                     copy.bytes <= (mode < kVcdiffFirstSame ? 6U : 4U);
  const std::uint32_t added = last_argument_;
  last_ = Last::kNothing;
  if (joins) {
    instructions_.back() = static_cast<char>(
        mode < kVcdiffFirstSame ? kVcdiffAddCopy + 12U * mode + 3 * (added - 1) + copy.bytes - 4
                                : kVcdiffAddCopySame + 4U * (mode - kVcdiffFirstSame) + added - 1);
    return;
  }
  const std::uint32_t code = kVcdiffCopy + 16U * mode;
  if (copy.bytes < kVcdiffCopySizeMin || copy.bytes > kVcdiffCopySizeMax) {
    instructions_.push_back(static_cast<char>(code));
    put_number(instructions_, copy.bytes);
    return;
  }
  instructions_.push_back(static_cast<char>(code + copy.bytes - 3));
  if (copy.bytes != kVcdiffCopySizeMin) return;
  last_ = Last::kShortCopy;
  last_argument_ = mode;
}

void VcdiffWriter::assemble(std::size_t target_bytes, std::string& out) const {
  const auto size = [](const std::string& text) { return static_cast<std::uint32_t>(text.size()); };
  const auto target_size = static_cast<std::uint32_t>(target_bytes);
  out.assign(kMagic);
  out.push_back(0);
  out.push_back(base_bytes_ > 0 ? kFromBase : 0);
  if (base_bytes_ > 0) {
    put_number(out, base_bytes_);
    put_number(out, 0);
  }
  put_number(out, number_bytes(target_size) + 1 + number_bytes(size(literals_)) +
                      number_bytes(size(instructions_)) + number_bytes(size(addresses_)) +
                      size(literals_) + size(instructions_) + size(addresses_));
  put_number(out, target_size);
  out.push_back(0);
  put_number(out, size(literals_));
  put_number(out, size(instructions_));
  put_number(out, size(addresses_));
  out.append(literals_).append(instructions_).append(addresses_);
}

base::Result<std::string, Errc> decode_vcdiff(std::string_view base, std::string_view delta,
                                              std::size_t target_bytes_max) {
  return Decoder(base, delta, target_bytes_max).run();
}

}  // namespace mr::delta
