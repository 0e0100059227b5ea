#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mr::config {

struct Mark {
  std::size_t line = 0;    // from 1; 0: no position (environment, flags)
  std::size_t column = 0;  // from 1
};

struct Entry;

// One node of a configuration document, with the text of scalars untouched by any typing.
struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar that is text whatever it looks like
  Mark mark;
  std::string text;            // kScalar
  std::vector<Node> items;     // kList
  std::vector<Entry> entries;  // kMap, in order of the document, keys unique
};

struct Entry {
  std::string key;
  Mark mark;
  Node value;
};

// A problem of a document at its place.
struct Fault {
  Mark mark;
  std::string text;
};

struct Document {
  Node root;
  std::vector<Fault> faults;  // not empty: root is incomplete
};

// YAML, or JSON with // and /* */ comments when the text begins with { or [. At most 4 MiB and
// one document. Duplicate keys, anchors, aliases and tags are faults.
Document read_document(std::string_view text);

// Replaces comments outside of strings by spaces; line breaks stay, so that positions do not move.
// A /* without its end is left as it is: `open_comment` is its place, else npos.
std::string blank_comments(std::string_view json, std::size_t& open_comment);

}  // namespace mr::config
