#include "config/schema.h"

#include <algorithm>
#include <map>

#include "config/suggest.h"

namespace mr::config {
namespace {

using Index = std::map<std::string, const Key*, std::less<>>;

struct Indexes {
  Index paths;  // without app keys
  Index app_members;
  Index env;
  Index flags;
};

const Indexes& indexes() {
  static const Indexes kIndexes = [] {
    Indexes made;
    for (const Key& key : all_keys()) {
      if (key.is_app_key()) {
        made.app_members.emplace(key.path.substr(7), &key);
        continue;
      }
      made.paths.emplace(key.path, &key);
      for (const std::string_view alias : words(key.aliases)) made.paths.emplace(alias, &key);
      for (const std::string_view name : words(key.env)) made.env.emplace(name, &key);
      if (!key.flag.empty()) made.flags.emplace(key.flag, &key);
    }
    return made;
  }();
  return kIndexes;
}

const Key* find_in(const Index& index, std::string_view name) {
  const auto at = index.find(name);
  return at == index.end() ? nullptr : at->second;
}

// An exact name, or a subtree above it.
const Key* find_covering(const Index& index, std::string_view path) {
  if (const Key* key = find_in(index, path)) return key;
  for (std::size_t dot = path.rfind('.'); dot != path.npos && dot > 0;
       dot = path.rfind('.', dot - 1)) {
    const Key* key = find_in(index, path.substr(0, dot));
    if (key != nullptr && key->type == Type::kSubtree) return key;
  }
  return nullptr;
}

std::string_view flat_member(std::string_view member) {
  for (const std::string_view group :
       {"policy.limits.", "policy.features.", "policy.channels.", "policy."}) {
    if (member.starts_with(group)) return member.substr(group.size());
  }
  return member;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::vector<std::string> names_of(const Index& index) {
  std::vector<std::string> names;
  for (const auto& [name, key] : index) names.push_back(name);
  return names;
}

}  // namespace

std::span<const Key> all_keys() {
  static const std::vector<Key> kKeys = [] {
    std::vector<Key> keys;
    for (const auto& part :
         {node_keys(), limit_keys(), delta_keys(), app_keys(), cluster_keys(), later_keys()}) {
      keys.insert(keys.end(), part.begin(), part.end());
    }
    return keys;
  }();
  return kKeys;
}

const Key* find_key(std::string_view path) { return find_covering(indexes().paths, path); }

const Key* find_app_key(std::string_view member) {
  return find_covering(indexes().app_members, flat_member(member));
}

const Key* find_env(std::string_view short_name) { return find_in(indexes().env, short_name); }

const Key* find_flag(std::string_view flag) { return find_in(indexes().flags, flag); }

bool is_section(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  const auto at = indexes().paths.lower_bound(prefix);
  return at != indexes().paths.end() && at->first.starts_with(prefix);
}

std::string suggest_key(std::string_view path) {
  // A right word in a wrong place is more likely than a wrong word.
  const std::string_view last = last_part(path);
  for (const Key& key : all_keys()) {
    if (last_part(key.path) == last && key.since == Since::kAvailable) return std::string(key.path);
  }
  std::vector<std::string> names = names_of(indexes().paths);
  for (const auto& [name, key] : indexes().paths) {
    for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
      names.push_back(name.substr(0, dot));
    }
  }
  return nearest(path, names);
}

std::string suggest_app_key(std::string_view member) {
  return nearest(flat_member(member), names_of(indexes().app_members));
}

std::string suggest_flag(std::string_view flag) {
  std::vector<std::string> names = names_of(indexes().flags);
  names.insert(names.end(), {"--config", "--set", "--help", "--version"});
  return nearest(flag, names);
}

std::string default_of(const Key& key) {
  if (!key.default_text.empty()) return std::string(key.default_text);
  if (key.get != nullptr) return to_json(key.get(Settings{}));
  if (key.get_app != nullptr) return to_json(key.get_app(model::AppOptions{}));
  return "";
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kBoolean:
      return "a boolean";
    case Type::kInteger:
      return "an integer";
    case Type::kNumber:
      return "a number";
    case Type::kText:
      return "a text";
    case Type::kAddress:
      return "an address";
    case Type::kHost:
      return "a host";
    case Type::kChoice:
      return "a word";
    case Type::kTextList:
      return "a list of texts";
    case Type::kApps:
      return "a list or map of apps";
    case Type::kPatterns:
      return "a map of channel patterns";
    case Type::kSubtree:
      return "any value";
  }
  return "";
}

std::string_view unit_name(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return "";
    case Unit::kBytes:
      return " bytes";
    case Unit::kKilobytes:
      return " KiB";
    case Unit::kMegabytes:
      return " MiB";
    case Unit::kMilliseconds:
      return " ms";
    case Unit::kSeconds:
      return " s";
  }
  return "";
}

std::vector<std::string_view> words(std::string_view separated_by_spaces) {
  std::vector<std::string_view> out;
  while (!separated_by_spaces.empty()) {
    const std::size_t end = std::min(separated_by_spaces.find(' '), separated_by_spaces.size());
    if (end > 0) out.push_back(separated_by_spaces.substr(0, end));
    separated_by_spaces.remove_prefix(std::min(end + 1, separated_by_spaces.size()));
  }
  return out;
}

}  // namespace mr::config
