#include "delta/matcher.h"

#include <algorithm>
#include <cstring>
#include <limits>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/assert.h"

namespace mr::delta {
namespace {

// Measured on the recorded tickers, books and trades (`./dev bench delta`): more of each costs
// time and saves under one byte in a hundred.
constexpr std::uint32_t kChainMax = 4;       // places tried per position of the target
constexpr std::uint32_t kAnchorBytes = 16;   // a match this long becomes the diagonal
constexpr std::uint32_t kAheadBytes = 256;   // how far after the walk the base is indexed
constexpr std::uint32_t kWindowBytes = 64;   // how far a gap looks ahead on the diagonal
constexpr std::uint32_t kSmallGapBytes = 8;  // no copy within so small a gap pays
constexpr std::uint32_t kBackBytesMax = 64;  // keeps repetitive texts linear
constexpr std::uint32_t kWordBytes = 8;
constexpr std::uint32_t kHashBitsMin = 8;
constexpr std::uint32_t kHashBitsMax = 16;

static_assert(std::endian::native == std::endian::little, "grams are cut from little-endian words");

std::uint64_t load_word(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

#ifdef __SSE2__
std::uint32_t equal_16(const char* left, const char* right) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(left));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(right));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)));
}
#endif

std::uint32_t common_bytes(const char* left, const char* right, std::uint32_t bytes_max) {
  std::uint32_t at = 0;
#ifdef __SSE2__
  for (; at + 16 <= bytes_max; at += 16) {
    const std::uint32_t differing = equal_16(left + at, right + at) ^ 0xFFFF;
    if (differing != 0) return at + static_cast<std::uint32_t>(std::countr_zero(differing));
  }
#endif
  for (; at + kWordBytes <= bytes_max; at += kWordBytes) {
    const std::uint64_t differing = load_word(left + at) ^ load_word(right + at);
    if (differing != 0) return at + static_cast<std::uint32_t>(std::countr_zero(differing)) / 8;
  }
  while (at < bytes_max && left[at] == right[at]) ++at;
  return at;
}

std::uint32_t common_bytes_before(const char* left, const char* right, std::uint32_t bytes_max) {
  std::uint32_t count = 0;
  while (count < bytes_max && *--left == *--right) ++count;
  return count;
}

// Bit i is set when the i-th bytes are equal; at most 64.
std::uint64_t equal_bytes(const char* left, const char* right, std::uint32_t count) {
  std::uint64_t equal = 0;
  std::uint32_t at = 0;
#ifdef __SSE2__
  for (; at + 16 <= count; at += 16) {
    equal |= std::uint64_t{equal_16(left + at, right + at)} << at;
  }
#endif
  for (; at < count; ++at) equal |= std::uint64_t{left[at] == right[at]} << at;
  return equal;
}

// Of the first kGram bytes of a word.
template <class Price>
std::uint32_t hash(std::uint64_t word, std::uint32_t shift) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: Knuth 6.4
  const std::uint64_t gram = word << (8 * (kWordBytes - Price::kGram));
  return static_cast<std::uint32_t>((gram * kMultiplier) >> shift);
}

}  // namespace

template <class Price>
bool Matcher<Price>::match(std::string_view base, std::string_view target,
                           std::size_t literal_bytes_max) {
  MR_ASSERT(base.size() <= kTextBytesMax && target.size() <= kTextBytesMax, "texts within limits");
  base_ = base;
  target_ = target;
  base_bytes_ = static_cast<std::uint32_t>(base.size());
  target_bytes_ = static_cast<std::uint32_t>(target.size());
  diagonal_ = 0;
  covered_ = 0;
  literal_bytes_ = 0;
  literal_bytes_max_ = literal_bytes_max;
  indexed_ = 0;
  candidates_.clear();
  copies_.clear();
  if (!walk()) return false;
  choose();
  return true;
}

template <class Price>
bool Matcher<Price>::walk() {
  std::uint32_t at = 0;
  while (true) {
    at = follow_diagonal(at);
    if (at == target_bytes_) return true;
    const std::uint32_t next = cross_gap(at);
    const std::uint32_t bare = std::max(at, covered_);
    if (next > bare) literal_bytes_ += next - bare;
    if (literal_bytes_ > literal_bytes_max_) return false;
    at = next;
  }
}

// The end of what is equal on the diagonal from here.
template <class Price>
std::uint32_t Matcher<Price>::follow_diagonal(std::uint32_t at) {
  const std::int64_t in_base = std::int64_t{at} + diagonal_;
  if (in_base < 0 || in_base >= base_bytes_) return at;
  const auto there = static_cast<std::uint32_t>(in_base);
  const std::uint32_t bytes = common_bytes(target_.data() + at, base_.data() + there,
                                           std::min(target_bytes_ - at, base_bytes_ - there));
  if (bytes >= Price::kBytesMin) add_candidate({at, at + bytes, diagonal_});
  return at + bytes;
}

// From the first differing byte to where the walk goes on: on this diagonal or on a better one.
template <class Price>
std::uint32_t Matcher<Price>::cross_gap(std::uint32_t begin) {
  const std::uint32_t far = std::min(target_bytes_, begin + 1 + kWindowBytes);
  const std::uint32_t resume = next_run(begin + 1, far);
  if (target_bytes_ < kWordBytes || base_bytes_ < kWordBytes) return resume;
  if (resume < far && resume - begin <= kSmallGapBytes) {
    const auto there = static_cast<std::uint32_t>(std::int64_t{resume} + diagonal_);
    const std::uint32_t rest = std::min(target_bytes_ - resume, base_bytes_ - there);
    if (rest >= kAnchorBytes &&
        common_bytes(target_.data() + resume, base_.data() + there, kAnchorBytes) == kAnchorBytes) {
      return resume;
    }
  }
  index_base(std::int64_t{begin} + diagonal_ + kAheadBytes);
  const std::uint32_t end = std::min(resume, target_bytes_ - kWordBytes + 1);
  Candidate last{0, 0, 0};
  for (std::uint32_t at = begin; at < end; ++at) {
    if (!find_candidate(at, begin, last)) continue;
    diagonal_ = last.diagonal;
    return last.begin;
  }
  return resume;
}

// The first place in [at, end) where kRun bytes are equal on the diagonal; else `end`.
template <class Price>
std::uint32_t Matcher<Price>::next_run(std::uint32_t at, std::uint32_t end) const {
  const std::int64_t in_base = std::int64_t{at} + diagonal_;
  if (in_base < 0 || in_base >= base_bytes_) return end;
  const auto there = static_cast<std::uint32_t>(in_base);
  const std::uint32_t count = std::min({target_bytes_ - at, base_bytes_ - there, kWindowBytes});
  const std::uint64_t equal = equal_bytes(target_.data() + at, base_.data() + there, count);
  std::uint64_t runs = equal;
  for (std::uint32_t shift = 1; shift < Price::kRun; ++shift) runs &= equal >> shift;
  if (runs == 0) return end;
  return std::min(end, at + static_cast<std::uint32_t>(std::countr_zero(runs)));
}

// Asks the index for the text at `at`. The best match becomes a candidate, or, when it is long,
// the answer is true and `last` is where the walk goes on.
template <class Price>
bool Matcher<Price>::find_candidate(std::uint32_t at, std::uint32_t gap_begin, Candidate& last) {
  constexpr std::uint32_t kUnused = 8 * (kWordBytes - Price::kGram);
  const char* const text = target_.data() + at;
  const std::uint64_t word = load_word(text);
  std::uint32_t best_bytes = 0;
  std::uint32_t best_base = 0;
  std::uint32_t link = heads_[hash<Price>(word, hash_shift_)];
  for (std::uint32_t tried = 0; link != 0 && tried < kChainMax; ++tried) {
    const std::uint32_t there = link - 1;
    link = chain_[there / Price::kStep];
    const std::int32_t diagonal = static_cast<std::int32_t>(there) - static_cast<std::int32_t>(at);
    if (at < last.end && diagonal == last.diagonal) continue;  // within the last candidate
    const std::uint64_t differing = load_word(base_.data() + there) ^ word;
    if (differing << kUnused != 0) continue;
    const std::uint32_t bytes =
        differing != 0 ? static_cast<std::uint32_t>(std::countr_zero(differing)) / 8
                       : common_bytes(text, base_.data() + there,
                                      std::min(target_bytes_ - at, base_bytes_ - there));
    if (bytes <= best_bytes) continue;
    best_bytes = bytes;
    best_base = there;
  }
  if (best_bytes == 0) return false;
  const std::uint32_t back = common_bytes_before(
      text, base_.data() + best_base, std::min({at - gap_begin, best_base, kBackBytesMax}));
  if (best_bytes + back < Price::kBytesMin) return false;
  last = {at - back, at + best_bytes,
          static_cast<std::int32_t>(best_base) - static_cast<std::int32_t>(at)};
  if (best_bytes >= kAnchorBytes) return true;
  add_candidate(last);
  return false;
}

// Ends come nearly in order, so few elements move.
template <class Price>
void Matcher<Price>::add_candidate(const Candidate& found) {
  covered_ = std::max(covered_, found.end);
  candidates_.push_back(found);
  std::size_t place = candidates_.size() - 1;
  for (; place > 0 && candidates_[place - 1].end > found.end; --place) {
    candidates_[place] = candidates_[place - 1];
  }
  candidates_[place] = found;
}

template <class Price>
void Matcher<Price>::index_base(std::int64_t end) {
  if (indexed_ == 0) {
    const auto wanted = static_cast<std::uint32_t>(std::bit_width(base_bytes_ / Price::kStep));
    const std::uint32_t bits = std::clamp(wanted, kHashBitsMin, kHashBitsMax);
    hash_shift_ = 64 - bits;
    const std::size_t heads = std::size_t{1} << bits;
    if (heads_.size() < heads) heads_.resize(heads);
    std::fill_n(heads_.begin(), heads, 0U);
    const std::size_t links = base_bytes_ / Price::kStep + 1;
    if (chain_.size() < links) chain_.resize(links);
  }
  const std::uint32_t last = base_bytes_ - kWordBytes + 1;
  const auto limit = static_cast<std::uint32_t>(std::clamp<std::int64_t>(end, 1, last));
  // Locals: the stores below might change members of their type, for all the compiler knows.
  const char* const text = base_.data();
  const std::uint32_t shift = hash_shift_;
  std::uint32_t at = indexed_;
  for (; at < limit; at += Price::kStep) {
    std::uint32_t& head = heads_[hash<Price>(load_word(text + at), shift)];
    chain_[at / Price::kStep] = head;
    head = at + 1;
  }
  indexed_ = at;
}

// Ways in the order of their ends, so those that a way can follow are ready before it.
template <class Price>
void Matcher<Price>::choose() {
  ways_.clear();
  ways_.push_back({0, 0, static_cast<std::int32_t>(Price::kLiteral), 0, 0, 0});
  for (std::uint32_t index = 0; index < candidates_.size(); ++index) {
    ways_.push_back(way_through(index));
  }
  const Way& final = ways_.back();
  std::uint32_t chosen = final.literal_from;
  auto price = final.literal_price + 2 * static_cast<std::int32_t>(target_bytes_);
  for (std::size_t index = ways_.size(); index-- > 0 && ways_[index].end == target_bytes_;) {
    if (static_cast<std::int32_t>(ways_[index].price) > price) continue;
    price = static_cast<std::int32_t>(ways_[index].price);
    chosen = static_cast<std::uint32_t>(index);
  }
  for (; chosen != 0; chosen = ways_[chosen].from) {
    const Way& way = ways_[chosen];
    const std::int32_t there =
        static_cast<std::int32_t>(way.begin) + candidates_[chosen - 1].diagonal;
    copies_.push_back({way.begin, static_cast<std::uint32_t>(there), way.end - way.begin});
  }
  std::reverse(copies_.begin(), copies_.end());
}

template <class Price>
auto Matcher<Price>::way_through(std::uint32_t index) const -> Way {
  const Candidate& copy = candidates_[index];
  const auto price_from = [&copy](std::uint32_t begin) {
    const std::int32_t there = static_cast<std::int32_t>(begin) + copy.diagonal;
    return Price::copy(copy.end - begin, static_cast<std::uint32_t>(there));
  };
  Way way{copy.end, std::numeric_limits<std::uint32_t>::max(), 0, 0, 0, copy.begin};
  const auto offer = [&way](std::uint32_t price, std::uint32_t from, std::uint32_t begin) {
    if (price >= way.price) return;
    way.price = price;
    way.from = from;
    way.begin = begin;
  };
  std::uint32_t before = index;
  for (; ways_[before].end > copy.begin; --before) {  // ends within the copy: cut its begin
    const Way& prior = ways_[before];
    if (prior.end < copy.end) offer(prior.price + price_from(prior.end), before, prior.end);
  }
  const Way& prior = ways_[before];
  const std::uint32_t whole = price_from(copy.begin);
  if (prior.end == copy.begin) offer(prior.price + whole, before, copy.begin);
  const std::int32_t literal = prior.literal_price + 2 * static_cast<std::int32_t>(copy.begin);
  offer(static_cast<std::uint32_t>(literal) + whole, prior.literal_from, copy.begin);

  const Way& last = ways_[index];
  way.literal_price = static_cast<std::int32_t>(way.price + Price::kLiteral) -
                      2 * static_cast<std::int32_t>(way.end);
  way.literal_from = index + 1;
  if (last.literal_price <= way.literal_price) {
    way.literal_price = last.literal_price;
    way.literal_from = last.literal_from;
  }
  return way;
}

template class Matcher<FossilPrice>;
template class Matcher<VcdiffPrice>;

}  // namespace mr::delta
