#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/schema.h"
#include "config/tree.h"

namespace mr::config {

// A place that values come from: a file, one environment variable, one flag.
struct Source {
  std::string name;            // "config.yaml", "env PORT", "--port"
  bool from_document = false;  // a file: places have line and column, a key may be set only once
};

struct Assignment {
  Value value;
  std::string place;  // "config.yaml:3:7"
};

// Gathers what the layers say, weakest layer first: a later value replaces an earlier one. All
// problems are kept. One object per load(); not shared.
class Layers {
 public:
  // A whole document, or the part of it below `path`.
  void add_tree(const Source& source, const std::string& path, const Node& node, Mark key_mark);
  // The text of an environment variable or flag. Lists, maps and sections are JSON; a list may also
  // be words separated by commas.
  void add_text(const Source& source, const std::string& path, const std::string& text);
  void add_faults(const Source& source, const Document& document);
  void add_error(std::string text) { errors.push_back(std::move(text)); }

  // One warning per key that has no effect.
  void warn_without_effect(const Key& key, const std::string& place, std::string_view written);

  bool is_set(std::string_view path) const;
  // Where the key's value comes from: "config.yaml:3:7"; "default" when nothing sets it.
  std::string place(std::string_view path) const;

  std::map<const Key*, Assignment> values;
  bool has_apps = false;
  Node apps;  // of the strongest layer that has any
  Source apps_source;
  std::vector<std::string> warnings;
  std::vector<std::string> errors;

 private:
  void add_key(const Source& source, const Key& key, const std::string& path, const Node& node);

  bool says_the_same(const Key& key, const Node& node) const;

  std::set<const Key*> warned_;
  std::map<const Key*, std::string> set_in_document_;  // with the spelling and the place
};

std::string place_of(const Source& source, Mark mark);

// Replaces ${NAME} and ${NAME:-default} in scalars; $${ stands for ${. A replaced scalar is typed
// as if it had no quotes. An unset name without default is a fault.
void substitute(Node& node, const Environment& environment, std::vector<Fault>& faults);

// Makes the apps from their node: a list, or a map from id to the rest. `defaults` is what each
// starts from.
struct AppsResult {
  std::vector<model::AppOptions> apps;
  std::vector<Origin> origins;
};
AppsResult read_apps(Layers& layers, const model::AppOptions& defaults);

}  // namespace mr::config
