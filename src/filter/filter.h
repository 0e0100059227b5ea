#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.h"
#include "base/result.h"
#include "filter/errc.h"
#include "filter/node.h"
#include "json/parser.h"
#include "model/tags.h"

namespace mr::filter {

inline constexpr std::size_t kTextBytesMax = 16 * 1024;  // of the whole, as written
inline constexpr std::size_t kDepthMax = 16;             // branches and leaves inside each other
inline constexpr std::size_t kNodesMax = 128;            // as written, branches and leaves
inline constexpr std::size_t kKeyBytesMax = 256;         // of a leaf
inline constexpr std::size_t kValueBytesMax = 1024;
inline constexpr std::size_t kValuesMax = 128;  // of one `in` or `nin`
inline constexpr std::size_t kEventsMax = 64;
inline constexpr std::size_t kEventBytesMax = 200;

// What a subscriber wants of a channel: a condition on the tags of an event, on its name, or both.
//
//   node := {"op":"and"|"or"|"not","nodes":[node,...]}            not: one
//         | {"key":K,"cmp":"eq"|"neq"|"sw"|"ew"|"ct"|"gt"|"gte"|"lt"|"lte","val":V}
//         | {"key":K,"cmp":"in"|"nin","vals":[V,...]} | {"key":K,"cmp":"ex"|"nex"}
//   filter := node | {"events":[name,...],"tags":node}            both parts optional, not both
//   absent
//
// V is a string; of a number or boolean its text is taken. gt, gte, lt and lte read both sides as
// numbers and are false when one is none. neq, nin and nex hold when the tag is missing. An event
// without any tags never passes a condition on tags.
//
// Immutable, shared by all loops. Evaluating allocates nothing.
class Filter final : public base::RefCounted {
 public:
  static base::Result<base::Ref<const Filter>, Errc> parse(json::Parser& parser,
                                                           std::string_view text);

  bool passes(std::string_view event, const model::Tags& tags) const;

  // The filter in one form: equal texts are equal filters.
  const std::string& text() const { return text_; }

 private:
  // Slices of pool_.
  struct Slice {
    std::uint32_t at;
    std::uint32_t size;
  };
  // One node; a branch's children follow it.
  struct Step {
    Op op;
    bool negated;
    std::uint16_t end;    // the step behind this node and all below it
    std::uint32_t first;  // leaves: of its values in values_
    std::uint32_t count;
    Slice key;
    double number;  // of the value, for comparisons; NaN: it is none
  };

  explicit Filter(Expression expression);
  Slice keep(std::string_view text);
  void compile(const Node& node);
  std::string_view view(Slice slice) const {
    return std::string_view(pool_).substr(slice.at, slice.size);
  }
  bool has(std::span<const Slice> sorted, std::string_view wanted) const;
  bool holds(std::size_t at, const model::Tags& tags) const;
  bool matches(const Step& step, std::string_view value) const;

  std::string text_;
  std::string pool_;
  std::vector<Slice> events_;  // sorted; empty: any
  std::vector<Slice> values_;  // sorted within one step
  std::vector<Step> steps_;    // empty: any tags
};

using FilterRef = base::Ref<const Filter>;

}  // namespace mr::filter
