#include "config/layers.h"

#include <algorithm>

#include "config/delta_patterns.h"

namespace mr::config {
namespace {

std::string unknown_text(std::string_view what, std::string_view written,
                         const std::string& suggestion) {
  std::string text = "unknown " + std::string(what) + " " + quote(written);
  if (suggestion.empty()) return text + "; see `millrace config docs`";
  return text + "; did you mean " + quote(suggestion) + "?";
}

Node scalar(const std::string& text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  return node;
}

Node comma_list(const std::string& text) {
  Node list;
  list.kind = Node::Kind::kList;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t from = std::min(text.find_first_not_of(' ', begin), end);
    std::size_t to = end;
    while (to > from && text[to - 1] == ' ') --to;
    if (to > from) list.items.push_back(scalar(text.substr(from, to - from)));
    begin = end + 1;
  }
  return list;
}

// Replaces the reference that begins at `at`; gives the position behind it.
std::size_t substitute_one(Node& node, std::size_t at, const Environment& environment,
                           std::vector<Fault>& faults) {
  const std::size_t end = node.text.find('}', at);
  if (end == std::string::npos) {
    faults.push_back({node.mark, "\"${\" without \"}\"; write $${ for the characters themselves"});
    return node.text.size();
  }
  const std::string inside = node.text.substr(at + 2, end - at - 2);
  const std::size_t split = inside.find(":-");
  const std::string name = inside.substr(0, split);
  const auto found = environment.find(name);
  std::string value;
  if (found != environment.end() && !found->second.empty()) {
    value = found->second;
  } else if (split != std::string::npos) {
    value = inside.substr(split + 2);
  } else if (found == environment.end()) {
    faults.push_back({node.mark, "environment variable " + quote(name) +
                                     " is not set; set it or write ${" + name + ":-default}"});
  }
  node.text.replace(at, end + 1 - at, value);
  node.quoted = false;
  return at + value.size();
}

}  // namespace

std::string place_of(const Source& source, Mark mark) {
  if (!source.from_document || mark.line == 0) return source.name;
  return source.name + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
}

void substitute(Node& node, const Environment& environment, std::vector<Fault>& faults) {
  for (Node& item : node.items) substitute(item, environment, faults);
  for (Entry& entry : node.entries) substitute(entry.value, environment, faults);
  if (node.kind != Node::Kind::kScalar) return;
  // Values that were put in are not read again: a $ at the end of one escapes nothing.
  std::size_t written = 0;
  for (std::size_t at = 0; (at = node.text.find("${", at)) != std::string::npos;) {
    if (at > written && node.text[at - 1] == '$') {
      node.text.erase(at - 1, 1);
      at += 1;
      continue;
    }
    at = substitute_one(node, at, environment, faults);
    written = at;
  }
}

void Layers::add_faults(const Source& source, const Document& document) {
  for (const Fault& fault : document.faults) {
    add_error(place_of(source, fault.mark) + ": " + fault.text);
  }
}

void Layers::warn_without_effect(const Key& key, const std::string& place,
                                 std::string_view written) {
  if (!warned_.insert(&key).second) return;
  std::string text = place + ": " + quote(written);
  if (key.since == Since::kInert) {
    text += " has no effect: " + std::string(key.text);
  } else {
    text += " has no effect in this version; it belongs to a feature that comes later";
  }
  warnings.push_back(std::move(text));
}

void Layers::add_tree(const Source& source, const std::string& path, const Node& node,
                      Mark key_mark) {
  const Key* key = path.empty() ? nullptr : find_key(path);
  if (key != nullptr) {
    if (key->since != Since::kAvailable) {
      warn_without_effect(*key, place_of(source, key_mark), path);
    } else {
      add_key(source, *key, path, node);
    }
    return;
  }
  if (!path.empty() && !is_section(path)) {
    add_error(place_of(source, key_mark) + ": " + unknown_text("key", path, suggest_key(path)));
    return;
  }
  if (node.kind == Node::Kind::kNull) return;
  if (node.kind != Node::Kind::kMap) {
    const std::string name = path.empty() ? "the configuration" : quote(path);
    add_error(place_of(source, node.mark) + ": " + name + " must be a map of keys");
    return;
  }
  for (const Entry& entry : node.entries) {
    add_tree(source, path.empty() ? entry.key : path + "." + entry.key, entry.value, entry.mark);
  }
}

void Layers::add_key(const Source& source, const Key& key, const std::string& path,
                     const Node& node) {
  if (node.kind == Node::Kind::kNull) return;
  const std::string place = place_of(source, node.mark);
  if (source.from_document) {
    const auto [first, is_new] = set_in_document_.emplace(&key, quote(path) + " at " + place);
    if (!is_new) {
      if (!says_the_same(key, node)) {
        add_error(place + ": " + quote(path) + " sets the same as " + first->second +
                  "; remove one");
      }
      return;
    }
  }
  if (key.type == Type::kApps) {
    has_apps = true;
    apps = node;
    apps_source = source;
    return;
  }
  if (key.type == Type::kPatterns) {
    std::vector<Fault> faults;
    values[&key] = {read_delta_patterns(node, path, faults), place};
    for (const Fault& fault : faults) add_error(place_of(source, fault.mark) + ": " + fault.text);
    return;
  }
  auto value = read_value(key, node);
  if (!value.ok()) {
    add_error(place + ": " + quote(path) + ": " + value.error().detail);
    return;
  }
  values[&key] = {std::move(value).value(), place};
}

// Another spelling of a key that is set already may repeat its value.
bool Layers::says_the_same(const Key& key, const Node& node) const {
  const auto at = values.find(&key);
  if (at == values.end() || key.type == Type::kPatterns) return false;
  const auto value = read_value(key, node);
  return value.ok() && to_json(value.value()) == to_json(at->second.value);
}

bool Layers::is_set(std::string_view path) const { return values.contains(find_key(path)); }

std::string Layers::place(std::string_view path) const {
  const auto at = values.find(find_key(path));
  return at == values.end() ? "default" : at->second.place;
}

void Layers::add_text(const Source& source, const std::string& path, const std::string& text) {
  const Key* key = find_key(path);
  if (key != nullptr && (key->since != Since::kAvailable ||
                         (key->type != Type::kApps && key->type != Type::kPatterns))) {
    const bool is_list = key->type == Type::kTextList;
    if (!is_list || !text.starts_with('[')) {
      add_tree(source, path, is_list ? comma_list(text) : scalar(text), {});
      return;
    }
  } else if (key == nullptr && !is_section(path)) {
    add_error(source.name + ": " + unknown_text("key", path, suggest_key(path)));
    return;
  }
  const Document document = read_document(text);
  if (document.faults.empty()) {
    add_tree(source, path, document.root, {});
    return;
  }
  add_error(source.name + ": " + quote(path) + " must be JSON: " + document.faults.front().text);
}

}  // namespace mr::config
