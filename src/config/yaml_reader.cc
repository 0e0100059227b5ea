// The only file that knows yaml-cpp, whose exceptions end here.

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "config/tree.h"

namespace mr::config {
namespace {

constexpr std::size_t kTextMax = 4 << 20;

Mark mark_of(const YAML::Mark& mark) {
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

// Builds the tree from events, because the library's own nodes lose duplicate keys and the places
// of keys. `open_` is the path of containers from the root; nodes move into their parent when they
// are complete.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Document& document) : document_(document) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse(mark, "", anchor);
    Node node;
    node.mark = mark_of(mark);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fault(mark_of(mark), "aliases (*name) are not supported; write the value again");
    Node node;
    node.mark = mark_of(mark);
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse(mark, tag, anchor);
    Node node;
    node.kind = Node::Kind::kScalar;
    node.quoted = tag == "!";
    node.mark = mark_of(mark);
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    open(Node::Kind::kList, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    open(Node::Kind::kMap, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool has_key = false;
    bool is_repeated = false;  // the key was there before: its value is dropped
    std::string key;
    Mark key_mark;
  };

  void fault(Mark mark, std::string text) { document_.faults.push_back({mark, std::move(text)}); }

  void refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) fault(mark_of(mark), "anchors (&name) are not supported; remove the anchor");
    if (!tag.empty() && tag != "?" && tag != "!") {
      fault(mark_of(mark), "tags (" + tag + ") are not supported; remove the tag");
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.mark = mark_of(mark);
    open_.push_back({std::move(node), false, false, {}, {}});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      document_.root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      take_key(parent, node);
    } else {
      parent.has_key = false;
      if (parent.is_repeated) return;
      parent.node.entries.push_back({std::move(parent.key), parent.key_mark, std::move(node)});
    }
  }

  void take_key(Open& parent, const Node& key) {
    parent.has_key = true;
    parent.is_repeated = false;
    parent.key = key.text;
    parent.key_mark = key.mark;
    if (key.kind != Node::Kind::kScalar) {
      fault(key.mark, "a key must be a plain word, not a list, a map or nothing");
      return;
    }
    for (const Entry& entry : parent.node.entries) {
      if (entry.key != key.text) continue;
      fault(key.mark, "duplicate key \"" + key.text + "\"; the first is on line " +
                          std::to_string(entry.mark.line) + "; remove one");
      parent.is_repeated = true;
      return;
    }
  }

  Document& document_;
  std::vector<Open> open_;
};

bool is_json(std::string_view text) {
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos) return false;
  return text[at] == '{' || text[at] == '[' || text.substr(at, 2) == "//" ||
         text.substr(at, 2) == "/*";
}

Mark mark_at(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_start = lines == 0 ? 0 : before.rfind('\n') + 1;
  return {lines + 1, at - line_start + 1};
}

}  // namespace

Document read_document(std::string_view text) {
  Document document;
  if (text.size() > kTextMax) {
    document.faults.push_back({{}, "is larger than 4 MiB; a configuration is a few kilobytes"});
    return document;
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    document.faults.push_back(
        {{mark_at(text, nul).line, 1}, "contains a NUL byte; this is not a text file"});
    return document;
  }
  std::string source(text);
  if (is_json(text)) {
    std::size_t open_comment = std::string_view::npos;
    source = blank_comments(text, open_comment);
    if (open_comment != std::string_view::npos) {
      document.faults.push_back(
          {mark_at(text, open_comment), "a comment begins with /* and has no end; write */"});
      return document;
    }
  }
  std::istringstream stream(source);
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder(document);
    if (!parser.HandleNextDocument(builder)) return document;
    Document rest;
    TreeBuilder rest_builder(rest);
    if (parser.HandleNextDocument(rest_builder)) {
      document.faults.push_back({{}, "contains more than one document; keep the first"});
    }
  } catch (const YAML::Exception& error) {
    document.faults.push_back({mark_of(error.mark), "syntax error: " + error.msg});
  }
  return document;
}

}  // namespace mr::config
