#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::filter {

enum class Op : std::uint8_t {
  kAnd,
  kOr,
  kIn,  // also eq: one value
  kExists,
  kStartsWith,
  kEndsWith,
  kContains,
  kGreater,
  kGreaterOrEqual,
  kLess,
  kLessOrEqual,
};

// A filter as a tree. `not`, `neq`, `nin` and `nex` are `negated`: with a missing tag each of them
// is the opposite of its counterpart too.
struct Node {
  Op op = Op::kAnd;
  bool negated = false;
  std::string key;                  // leaves
  std::vector<std::string> values;  // kIn: one or more; kExists: none; other leaves: one
  std::vector<Node> nodes;          // branches: one or more
};

// What a client sends as its filter: both parts must hold.
struct Expression {
  std::vector<std::string> events;  // empty: any event
  std::optional<Node> tags;         // absent: any tags
};

bool is_branch(Op op);
// "and", "in", "gt": as in the grammar.
std::string_view name_of(Op op);

// One form for filters that differ only in order, repetition, needless nesting or double negation.
// What passes stays the same.
void normalise(Expression& expression);

// A filter in the grammar again. Equal texts of normalised filters: equal filters.
std::string to_text(const Expression& expression);

}  // namespace mr::filter
