#include "filter/filter.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "filter/read.h"

namespace mr::filter {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// The whole text as a number; NaN makes every comparison false.
double number_of(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = kNoNumber;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return kNoNumber;
  return number;
}

}  // namespace

base::Result<FilterRef, Errc> Filter::parse(json::Parser& parser, std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return base::Error<Errc>{Errc::kLimit, "the filter has " + std::to_string(text.size()) +
                                               " bytes, the limit is " +
                                               std::to_string(kTextBytesMax)};
  }
  const auto read = parser.parse(text);
  if (!read) {
    return base::Error<Errc>{Errc::kNotJson,
                             "the filter: " + read.error().detail +
                                 R"(; send {"key":"symbol","cmp":"eq","val":"AAPL"})"};
  }
  auto expression = read_expression(read.value());
  if (!expression) return expression.error();
  return FilterRef(new Filter(std::move(expression).value()));
}

Filter::Filter(Expression expression) {
  normalise(expression);
  text_ = to_text(expression);
  for (const std::string& event : expression.events) events_.push_back(keep(event));
  if (expression.tags) compile(*expression.tags);
  pool_.shrink_to_fit();
  steps_.shrink_to_fit();
  values_.shrink_to_fit();
}

Filter::Slice Filter::keep(std::string_view text) {
  const Slice slice{static_cast<std::uint32_t>(pool_.size()),
                    static_cast<std::uint32_t>(text.size())};
  pool_ += text;
  return slice;
}

void Filter::compile(const Node& node) {
  const std::size_t at = steps_.size();
  steps_.push_back({node.op, node.negated, 0, static_cast<std::uint32_t>(values_.size()),
                    static_cast<std::uint32_t>(node.values.size()), keep(node.key), kNoNumber});
  for (const std::string& value : node.values) values_.push_back(keep(value));
  if (node.values.size() == 1) steps_[at].number = number_of(node.values.front());
  for (const Node& child : node.nodes) compile(child);
  steps_[at].end = static_cast<std::uint16_t>(steps_.size());
}

bool Filter::passes(std::string_view event, const model::Tags& tags) const {
  if (!events_.empty() && !has(events_, event)) return false;
  if (steps_.empty()) return true;
  return !tags.empty() && holds(0, tags);
}

bool Filter::has(std::span<const Slice> sorted, std::string_view wanted) const {
  const auto at =
      std::lower_bound(sorted.begin(), sorted.end(), wanted,
                       [this](Slice slice, std::string_view text) { return view(slice) < text; });
  return at != sorted.end() && view(*at) == wanted;
}

bool Filter::holds(std::size_t at, const model::Tags& tags) const {
  const Step& step = steps_[at];
  if (is_branch(step.op)) {
    const bool wanted = step.op == Op::kAnd;
    for (std::size_t child = at + 1; child < step.end; child = steps_[child].end) {
      if (holds(child, tags) != wanted) return wanted == step.negated;
    }
    return wanted != step.negated;
  }
  const std::string* value = model::find_tag(tags, view(step.key));
  return (value != nullptr && matches(step, *value)) != step.negated;
}

bool Filter::matches(const Step& step, std::string_view value) const {
  const auto values = std::span(values_).subspan(step.first, step.count);
  switch (step.op) {
    case Op::kAnd:
    case Op::kOr:
    case Op::kExists:
      return true;
    case Op::kIn:
      return has(values, value);
    case Op::kStartsWith:
      return value.starts_with(view(values[0]));
    case Op::kEndsWith:
      return value.ends_with(view(values[0]));
    case Op::kContains:
      return value.find(view(values[0])) != std::string_view::npos;
    case Op::kGreater:
      return number_of(value) > step.number;
    case Op::kGreaterOrEqual:
      return number_of(value) >= step.number;
    case Op::kLess:
      return number_of(value) < step.number;
    case Op::kLessOrEqual:
      return number_of(value) <= step.number;
  }
  return false;
}

}  // namespace mr::filter
