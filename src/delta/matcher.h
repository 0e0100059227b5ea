#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace mr::delta {

// A part of the target that is in the base too.
struct Copy {
  std::uint32_t target = 0;  // where it begins
  std::uint32_t base = 0;
  std::uint32_t bytes = 0;
};

// Longer texts get no delta: positions are 32-bit, prices have to fit with room.
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 28;

// What the parts of a delta cost, in half bytes, and how closely to look for matches. kGram bytes
// are hashed at every kStep-th position of the base, so every match of kGram + kStep - 1 bytes
// can be found; kRun equal bytes on the diagonal end a search; kBytesMin is the shortest copy.
struct FossilPrice {
  static constexpr std::uint32_t kGram = 6;
  static constexpr std::uint32_t kStep = 2;
  static constexpr std::uint32_t kRun = 6;
  static constexpr std::uint32_t kBytesMin = 6;
  static constexpr std::uint32_t kLiteral = 4;  // one digit and the colon

  static constexpr std::uint32_t digits(std::uint32_t number) {
    return number < 64 ? 1 : (static_cast<std::uint32_t>(std::bit_width(number)) + 5) / 6;
  }
  static constexpr std::uint32_t copy(std::uint32_t bytes, std::uint32_t base) {
    return 2 * (digits(bytes) + digits(base) + 2);
  }
};

struct VcdiffPrice {
  static constexpr std::uint32_t kGram = 4;
  static constexpr std::uint32_t kStep = 2;
  static constexpr std::uint32_t kRun = 4;
  static constexpr std::uint32_t kBytesMin = 4;
  static constexpr std::uint32_t kLiteral = 2;

  // An address is one byte when a cache knows it, else mostly two, in large texts three.
  static constexpr std::uint32_t copy(std::uint32_t bytes, std::uint32_t base) {
    return 2 + (bytes <= 18 ? 0 : bytes < 128 ? 2 : 4) + (base < 128 ? 2 : base < 16384 ? 3 : 5);
  }
};

// Finds which parts of a target to copy from a base so that the delta is short. Instantiated for
// the two prices above. Keeps its memory between calls; not thread-safe.
//
// 1. Texts of a chain differ little and in order, so the walk stays on a diagonal (base position
//    less target position) while bytes are equal; where they differ, it looks ahead on the same
//    diagonal (a value changed) and asks a hash index of the base for other places (a value became
//    longer, a line came or went). The index is filled only when asked, and only to a little after
//    the walk.
// 2. Every stretch found is a candidate; they may overlap. The cheapest way through candidates and
//    literals is chosen by their prices, and begins of copies are cut where that is cheaper.
template <class Price>
class Matcher {
 public:
  // False, and no copies: more than `literal_bytes_max` bytes are nowhere in the base.
  // Both texts are at most kTextBytesMax long.
  [[nodiscard]] bool match(std::string_view base, std::string_view target,
                           std::size_t literal_bytes_max);

  // Of the last match(): in the order of the target, without overlap.
  std::span<const Copy> copies() const { return copies_; }

 private:
  // target[begin, end) == base[begin + diagonal, end + diagonal)
  struct Candidate {
    std::uint32_t begin;
    std::uint32_t end;
    std::int32_t diagonal;
  };
  // The cheapest way to a position where a candidate ends.
  struct Way {
    std::uint32_t end;
    std::uint32_t price;
    // A literal may follow any way up to this one: the best of them, and its price less that of
    // the bytes before it, so that adding those before a position gives the price there.
    std::int32_t literal_price;
    std::uint32_t literal_from;
    std::uint32_t from;   // the way before this copy
    std::uint32_t begin;  // of this copy, cut
  };

  bool walk();
  std::uint32_t follow_diagonal(std::uint32_t at);
  std::uint32_t cross_gap(std::uint32_t begin);
  std::uint32_t next_run(std::uint32_t at, std::uint32_t end) const;
  bool find_candidate(std::uint32_t at, std::uint32_t gap_begin, Candidate& last);
  void add_candidate(const Candidate& found);
  void index_base(std::int64_t end);

  void choose();
  Way way_through(std::uint32_t index) const;

  std::string_view base_;
  std::string_view target_;
  std::uint32_t base_bytes_ = 0;
  std::uint32_t target_bytes_ = 0;
  std::int32_t diagonal_ = 0;
  std::uint32_t covered_ = 0;  // the highest end of a candidate
  std::size_t literal_bytes_ = 0;
  std::size_t literal_bytes_max_ = 0;

  std::vector<std::uint32_t> heads_;  // by hash: the last indexed position, plus one
  std::vector<std::uint32_t> chain_;  // by position / kStep: the one before with this hash
  std::uint32_t indexed_ = 0;
  std::uint32_t hash_shift_ = 0;

  std::vector<Candidate> candidates_;  // in the order of their ends
  std::vector<Way> ways_;              // [0] is the begin; [i + 1] ends with candidates_[i]
  std::vector<Copy> copies_;
};

extern template class Matcher<FossilPrice>;
extern template class Matcher<VcdiffPrice>;

}  // namespace mr::delta
