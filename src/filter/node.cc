#include "filter/node.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "json/writer.h"

namespace mr::filter {
namespace {

// Leaves whose opposite has a name of its own need no `not` around them.
bool has_opposite(Op op) { return op == Op::kIn || op == Op::kExists; }

void write_leaf(json::Writer& writer, const Node& node) {
  const bool is_single = node.op == Op::kIn && node.values.size() == 1;
  std::string name(node.negated && has_opposite(node.op) ? "n" : "");
  name += is_single ? "eq" : name_of(node.op);
  writer.begin_object();
  writer.key("key");
  writer.string(node.key);
  writer.key("cmp");
  writer.string(name);
  if (node.op == Op::kIn && !is_single) {
    writer.key("vals");
    writer.begin_array();
    for (const std::string& value : node.values) writer.string(value);
    writer.end_array();
  } else if (node.op != Op::kExists) {
    writer.key("val");
    writer.string(node.values.front());
  }
  writer.end_object();
}

void write_node(json::Writer& writer, const Node& node) {
  const bool is_wrapped = node.negated && !has_opposite(node.op);
  if (is_wrapped) {
    writer.begin_object();
    writer.key("op");
    writer.string("not");
    writer.key("nodes");
    writer.begin_array();
  }
  if (is_branch(node.op)) {
    writer.begin_object();
    writer.key("op");
    writer.string(name_of(node.op));
    writer.key("nodes");
    writer.begin_array();
    for (const Node& child : node.nodes) write_node(writer, child);
    writer.end_array();
    writer.end_object();
  } else {
    write_leaf(writer, node);
  }
  if (is_wrapped) {
    writer.end_array();
    writer.end_object();
  }
}

std::string text_of(const Node& node) {
  std::string out;
  json::Writer writer(out);
  write_node(writer, node);
  return out;
}

void sort_unique(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

// (a and b) and c is a and b and c.
void lift_equal_branches(Node& node) {
  std::vector<Node> flat;
  for (Node& child : node.nodes) {
    if (child.op == node.op && !child.negated) {
      std::move(child.nodes.begin(), child.nodes.end(), std::back_inserter(flat));
    } else {
      flat.push_back(std::move(child));
    }
  }
  node.nodes = std::move(flat);
}

void order_children(Node& node) {
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(node.nodes.size());
  for (const Node& child : node.nodes) order.emplace_back(text_of(child), order.size());
  std::sort(order.begin(), order.end());
  std::vector<Node> sorted;
  sorted.reserve(order.size());
  const std::string* before = nullptr;
  for (const auto& [text, at] : order) {
    if (before == nullptr || *before != text) sorted.push_back(std::move(node.nodes[at]));
    before = &text;
  }
  node.nodes = std::move(sorted);
}

void normalise_node(Node& node) {
  if (!is_branch(node.op)) {
    sort_unique(node.values);
    return;
  }
  for (Node& child : node.nodes) normalise_node(child);
  lift_equal_branches(node);
  order_children(node);
  if (node.nodes.size() > 1) return;
  Node only = std::move(node.nodes.front());
  only.negated = only.negated != node.negated;
  node = std::move(only);
}

}  // namespace

bool is_branch(Op op) { return op == Op::kAnd || op == Op::kOr; }

std::string_view name_of(Op op) {
  switch (op) {
    case Op::kAnd:
      return "and";
    case Op::kOr:
      return "or";
    case Op::kIn:
      return "in";
    case Op::kExists:
      return "ex";
    case Op::kStartsWith:
      return "sw";
    case Op::kEndsWith:
      return "ew";
    case Op::kContains:
      return "ct";
    case Op::kGreater:
      return "gt";
    case Op::kGreaterOrEqual:
      return "gte";
    case Op::kLess:
      return "lt";
    case Op::kLessOrEqual:
      return "lte";
  }
  return "";
}

void normalise(Expression& expression) {
  sort_unique(expression.events);
  if (expression.tags) normalise_node(*expression.tags);
}

std::string to_text(const Expression& expression) {
  if (expression.events.empty()) return expression.tags ? text_of(*expression.tags) : "{}";
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.key("events");
  writer.begin_array();
  for (const std::string& event : expression.events) writer.string(event);
  writer.end_array();
  if (expression.tags) {
    writer.key("tags");
    write_node(writer, *expression.tags);
  }
  writer.end_object();
  return out;
}

}  // namespace mr::filter
