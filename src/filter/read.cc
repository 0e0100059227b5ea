#include "filter/read.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/cut_utf8.h"
#include "filter/filter.h"
#include "json/writer.h"

namespace mr::filter {
namespace {

template <class T>
using Read = base::Result<T, Errc>;

struct Comparison {
  std::string_view name;
  Op op;
  bool negated;
};

constexpr Comparison kComparisons[] = {
    {"eq", Op::kIn, false},
    {"neq", Op::kIn, true},
    {"in", Op::kIn, false},
    {"nin", Op::kIn, true},
    {"ex", Op::kExists, false},
    {"nex", Op::kExists, true},
    {"sw", Op::kStartsWith, false},
    {"ew", Op::kEndsWith, false},
    {"ct", Op::kContains, false},
    {"gt", Op::kGreater, false},
    {"gte", Op::kGreaterOrEqual, false},
    {"lt", Op::kLess, false},
    {"lte", Op::kLessOrEqual, false},
};

// Absent and null are one thing.
std::optional<json::Value> given(const json::Value& object, std::string_view name) {
  auto value = object.member(name);
  if (value && value->is_null()) value.reset();
  return value;
}

// At most 60 bytes of a value, cut between characters.
std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return std::string(text);
  return std::string(base::cut_utf8(text, kShown)) + "...";
}

std::string count_over(std::size_t count, std::string_view what, std::size_t limit) {
  return " has " + std::to_string(count) + " " + std::string(what) + ", at most " +
         std::to_string(limit) + " are allowed; ";
}

// Reads one filter; place_ is where it is.
class Reader {
 public:
  Read<Expression> read(const json::Value& filter) {
    if (!filter.is_object()) return shape(" is " + shown(filter.raw()), kExample);
    const auto events = given(filter, "events");
    const auto tags = given(filter, "tags");
    if (given(filter, "expression")) {
      place_ += ".expression";
      return base::Error<Errc>{Errc::kUnsupported,
                               place_ +
                                   " is not supported by this server; say the condition with "
                                   "\"events\" and \"tags\""};
    }
    Expression expression;
    if (!events && !tags) {
      auto node = read_node(filter, 1);
      if (!node) return node.error();
      expression.tags = std::move(node).value();
      return expression;
    }
    if (given(filter, "op") || given(filter, "cmp")) {
      return shape(" has \"op\" or \"cmp\" beside \"events\" or \"tags\"",
                   "put the condition into \"tags\"");
    }
    if (events) {
      if (auto error = read_events(*events, expression)) return std::move(*error);
    }
    if (tags) {
      place_ += ".tags";
      auto node = read_node(*tags, 1);
      if (!node) return node.error();
      expression.tags = std::move(node).value();
    }
    return expression;
  }

 private:
  static constexpr std::string_view kExample =
      R"(send {"key":"symbol","cmp":"eq","val":"AAPL"} or {"op":"and","nodes":[...]})";

  base::Error<Errc> shape(std::string_view what, std::string_view remedy) const {
    return {Errc::kShape, place_ + std::string(what) + "; " + std::string(remedy)};
  }
  base::Error<Errc> limit(std::string_view what, std::string_view remedy) const {
    return {Errc::kLimit, place_ + std::string(what) + std::string(remedy)};
  }

  std::optional<base::Error<Errc>> read_events(const json::Value& list, Expression& expression) {
    place_ += ".events";
    constexpr std::string_view kRemedy = R"(send "events":["price"])";
    if (!list.is_array()) return shape(" is " + shown(list.raw()), kRemedy);
    for (auto cursor = list.children(); cursor.next();) {
      const auto name = cursor.value().as_string();
      if (!name || name->empty()) {
        return shape(" holds " + shown(cursor.value().raw()) + ", which is no event name", kRemedy);
      }
      if (name->size() > kEventBytesMax) {
        return limit(count_over(name->size(), "bytes in one name", kEventBytesMax), "shorten it");
      }
      expression.events.emplace_back(*name);
    }
    if (expression.events.empty()) return shape(" is empty", kRemedy);
    if (expression.events.size() > kEventsMax) {
      return limit(count_over(expression.events.size(), "names", kEventsMax), "name fewer");
    }
    place_.resize(place_.size() - std::string_view(".events").size());
    return std::nullopt;
  }

  Read<Node> read_node(const json::Value& value, std::size_t depth) {
    if (!value.is_object()) return shape(" is " + shown(value.raw()), kExample);
    if (depth > kDepthMax) {
      return limit(" is more than " + std::to_string(kDepthMax) + " nodes deep; ",
                   "write \"and\" in \"and\" as one");
    }
    if (++nodes_ > kNodesMax) {
      return limit(" is one of more than " + std::to_string(kNodesMax) + " nodes; ",
                   "use \"in\" with \"vals\" for many values of one key");
    }
    const auto op = given(value, "op");
    if (op && given(value, "cmp")) {
      return shape(" has both \"op\" and \"cmp\"",
                   "keep \"op\" with \"nodes\", or \"cmp\" with \"key\"");
    }
    return op ? read_branch(value, *op, depth) : read_leaf(value);
  }

  Read<Node> read_branch(const json::Value& value, const json::Value& op, std::size_t depth) {
    const std::string_view name = op.as_string().value_or(std::string_view());
    if (name != "and" && name != "or" && name != "not") {
      return shape(".op is " + shown(op.raw()), "use \"and\", \"or\" or \"not\"");
    }
    const auto list = given(value, "nodes");
    if (!list || !list->is_array()) {
      return shape(".nodes is " + (list ? shown(list->raw()) : "missing"),
                   R"(send "nodes":[...] with the conditions)");
    }
    Node node;
    node.op = name == "or" ? Op::kOr : Op::kAnd;
    node.negated = name == "not";
    const std::size_t outer = place_.size();
    for (auto cursor = list->children(); cursor.next();) {
      place_ += ".nodes[" + std::to_string(node.nodes.size()) + "]";
      auto child = read_node(cursor.value(), depth + 1);
      if (!child) return child.error();
      node.nodes.push_back(std::move(child).value());
      place_.resize(outer);
    }
    if (node.nodes.empty()) return shape(".nodes is empty", "give it at least one condition");
    if (node.negated && node.nodes.size() > 1) {
      return shape(".nodes has " + std::to_string(node.nodes.size()) + " nodes",
                   "\"not\" takes one; put them into an \"and\" or \"or\"");
    }
    return node;
  }

  Read<Node> read_leaf(const json::Value& value) {
    const auto cmp = given(value, "cmp");
    const std::string_view name = cmp ? cmp->as_string().value_or("") : std::string_view();
    const Comparison* found = nullptr;
    for (const Comparison& known : kComparisons) found = known.name == name ? &known : found;
    if (found == nullptr) {
      return shape(".cmp is " + (cmp ? shown(cmp->raw()) : "missing"),
                   "use eq, neq, in, nin, ex, nex, sw, ew, ct, gt, gte, lt or lte, or \"op\" with "
                   "\"nodes\"");
    }
    const auto key = given(value, "key");
    const std::string_view text = key ? key->as_string().value_or("") : std::string_view();
    if (text.empty()) {
      return shape(".key is " + (key ? shown(key->raw()) : "missing"),
                   "name the tag: \"key\":\"symbol\"");
    }
    if (text.size() > kKeyBytesMax) {
      return limit(".key" + count_over(text.size(), "bytes", kKeyBytesMax), "shorten it");
    }
    Node node;
    node.op = found->op;
    node.negated = found->negated;
    node.key = text;
    auto error = name == "in" || name == "nin" ? read_list(value, node)
                 : node.op == Op::kExists      ? std::nullopt
                                               : read_single(value, node);
    if (error) return std::move(*error);
    return node;
  }

  std::optional<base::Error<Errc>> read_single(const json::Value& value, Node& node) {
    const auto member = given(value, "val");
    if (member) return add_value(*member, node, ".val");
    return shape(".val is missing", "send \"val\":\"AAPL\"");
  }

  std::optional<base::Error<Errc>> read_list(const json::Value& value, Node& node) {
    constexpr std::string_view kRemedy = R"(send "vals":["AAPL","MSFT"])";
    const auto list = given(value, "vals");
    if (!list || !list->is_array()) {
      return shape(".vals is " + (list ? shown(list->raw()) : "missing"), kRemedy);
    }
    for (auto cursor = list->children(); cursor.next();) {
      const std::string at = ".vals[" + std::to_string(node.values.size()) + "]";
      if (auto error = add_value(cursor.value(), node, at)) return error;
    }
    if (node.values.empty()) return shape(".vals is empty", kRemedy);
    if (node.values.size() > kValuesMax) {
      return limit(".vals" + count_over(node.values.size(), "values", kValuesMax),
                   "combine several nodes with \"or\"");
    }
    return std::nullopt;
  }

  std::optional<base::Error<Errc>> add_value(const json::Value& value, Node& node,
                                             std::string_view member) {
    const json::Type type = value.type();
    const bool is_text = type == json::Type::kNumber || type == json::Type::kBoolean;
    const auto text = is_text ? std::optional(value.raw()) : value.as_string();
    if (!text) {
      return shape(std::string(member) + " is " + shown(value.raw()),
                   "use a text, a number or a boolean");
    }
    if (text->size() > kValueBytesMax) {
      return limit(std::string(member) + count_over(text->size(), "bytes", kValueBytesMax),
                   "shorten it");
    }
    node.values.emplace_back(*text);
    return std::nullopt;
  }

  std::string place_ = "filter";
  std::size_t nodes_ = 0;
};

}  // namespace

base::Result<Expression, Errc> read_expression(const json::Value& filter) {
  return Reader().read(filter);
}

}  // namespace mr::filter
