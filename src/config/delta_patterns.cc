#include "config/delta_patterns.h"

#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "config/schema.h"
#include "config/suggest.h"
#include "model/channel_name.h"

namespace mr::config {
namespace {

using model::DeltaPattern;

constexpr double kMany = 1'000'000;
constexpr std::size_t kPathBytesMax = 256;
constexpr std::size_t kNameBytesMax = 1024;  // the most that an app may allow

// One key of the map form. `set` gives false for a value that its type allows but the key does not.
struct Member {
  std::string_view name;
  Type type;
  double min;
  double max;
  std::string_view choices;
  bool (*set)(DeltaPattern&, const Value&);
};

template <auto Field>
bool set_flag(DeltaPattern& to, const Value& value) {
  to.*Field = std::get<bool>(value);
  return true;
}

template <auto Field>
bool set_count(DeltaPattern& to, const Value& value) {
  to.*Field = static_cast<std::uint32_t>(std::get<std::int64_t>(value));
  return true;
}

bool set_algorithm(DeltaPattern& to, const Value& value) {
  to.algorithm = model::parse_delta_algorithm(std::get<std::string>(value));
  return to.algorithm.has_value();
}

bool set_conflation_key(DeltaPattern& to, const Value& value) {
  to.conflation_key = std::get<std::string>(value);
  return is_conflation_path(*to.conflation_key);
}

bool set_cache_sync(DeltaPattern& to, const Value& value) {
  const bool is_bases = std::get<std::string>(value) == "bases";
  to.cache_sync = is_bases ? model::CacheSync::kBases : model::CacheSync::kEmpty;
  return true;
}

constexpr Member kMembers[] = {
    {"enabled", Type::kBoolean, 0, 0, "", set_flag<&DeltaPattern::enabled>},
    {"algorithm", Type::kText, 0, 0, "fossil xdelta3", set_algorithm},
    {"conflation_key", Type::kText, 0, 0, "", set_conflation_key},
    {"max_messages_per_key", Type::kInteger, 1, 1000, "",
     set_count<&DeltaPattern::max_messages_per_key>},
    {"max_conflation_keys", Type::kInteger, 1, kMany, "",
     set_count<&DeltaPattern::max_conflation_keys>},
    {"full_message_interval", Type::kInteger, 1, kMany, "",
     set_count<&DeltaPattern::full_message_interval>},
    {"min_message_size", Type::kInteger, 0, 64 * kMany, "",
     set_count<&DeltaPattern::min_message_size>},
    {"cache_sync", Type::kChoice, 0, 0, "empty bases", set_cache_sync},
    {"enable_tags", Type::kBoolean, 0, 0, "", set_flag<&DeltaPattern::enable_tags>},
};

class PatternsReader {
 public:
  PatternsReader(std::string_view name, std::vector<Fault>& faults)
      : name_(name), faults_(faults) {}

  std::vector<DeltaPattern> read(const Node& node) {
    std::vector<DeltaPattern> patterns;
    if (node.kind != Node::Kind::kMap) {
      fault(node.mark, name_, "must be a map from channel pattern to settings");
      return patterns;
    }
    for (const Entry& entry : node.entries) {
      const std::size_t before = faults_.size();
      check_pattern(entry);
      DeltaPattern pattern = read_entry(entry);
      if (faults_.size() == before) patterns.push_back(std::move(pattern));
    }
    return patterns;
  }

 private:
  void fault(Mark mark, const std::string& name, const std::string& text) {
    faults_.push_back({mark, quote(name) + ": " + text});
  }

  void check_pattern(const Entry& entry) {
    if (const auto problem = pattern_problem(entry.key)) fault(entry.mark, name_, *problem);
  }

  DeltaPattern read_entry(const Entry& entry) {
    DeltaPattern pattern;
    pattern.pattern = entry.key;
    const std::string name = name_ + "[" + entry.key + "]";
    switch (entry.value.kind) {
      case Node::Kind::kNull:
        break;
      case Node::Kind::kScalar:
        read_word(entry.value, name, pattern);
        break;
      case Node::Kind::kMap:
        for (const Entry& member : entry.value.entries) read_member(member, name, pattern);
        break;
      case Node::Kind::kList:
        fault(entry.value.mark, name, "must be a text or a map, found a list");
        break;
    }
    return pattern;
  }

  void read_word(const Node& node, const std::string& name, DeltaPattern& pattern) {
    if (node.text == "inherit") return;
    pattern.algorithm = model::parse_delta_algorithm(node.text);
    pattern.enabled = pattern.algorithm.has_value();
    if (pattern.algorithm || node.text == "disabled") return;
    fault(node.mark, name,
          "must be one of: inherit disabled fossil xdelta3, or a map; found " + quote(node.text));
  }

  void read_member(const Entry& entry, const std::string& parent, DeltaPattern& pattern) {
    const std::string name = parent + "." + entry.key;
    const Member* member = nullptr;
    for (const Member& known : kMembers) member = known.name == entry.key ? &known : member;
    if (member == nullptr) return refuse_unknown(entry, parent);
    if (entry.value.kind == Node::Kind::kNull) return;
    Key key;
    key.type = member->type;
    key.choices = member->choices;
    if (member->type == Type::kInteger) {
      key.min = member->min;
      key.max = member->max;
    }
    const auto value = read_value(key, entry.value);
    if (!value) return fault(entry.value.mark, name, value.error().detail);
    if (member->set(pattern, value.value())) return;
    fault(entry.value.mark, name,
          (member->choices.empty() ? "must be names of members with dots between them, at most " +
                                         std::to_string(kPathBytesMax) + " bytes"
                                   : "must be one of: " + std::string(member->choices)) +
              "; found " + quote(entry.value.text));
  }

  void refuse_unknown(const Entry& entry, const std::string& parent) {
    std::vector<std::string> names;
    for (const Member& known : kMembers) names.emplace_back(known.name);
    const std::string near = nearest(entry.key, names);
    std::string text = "unknown key " + quote(parent + "." + entry.key);
    if (!near.empty()) {
      text += "; did you mean " + quote(near) + "?";
    } else {
      text += "; known are";
      for (const std::string& name : names) text += " " + name;
    }
    faults_.push_back({entry.mark, std::move(text)});
  }

  const std::string name_;
  std::vector<Fault>& faults_;
};

// One member of the map form; nothing when it is absent.
template <class T>
void add_member(std::string& out, std::string_view name, const std::optional<T>& value) {
  if (!value) return;
  out += (out.ends_with('{') ? "" : ", ") + quote(name) + ": ";
  if constexpr (std::is_same_v<T, bool>) {
    out += *value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    out += std::to_string(*value);
  } else if constexpr (std::is_same_v<T, model::DeltaAlgorithm>) {
    out += quote(model::wire_name(*value));
  } else if constexpr (std::is_same_v<T, model::CacheSync>) {
    out += *value == model::CacheSync::kBases ? "\"bases\"" : "\"empty\"";
  } else {
    out += quote(*value);
  }
}

}  // namespace

bool is_conflation_path(std::string_view path) {
  return !path.empty() && path.size() <= kPathBytesMax && path.front() != '.' &&
         path.back() != '.' && path.find("..") == std::string_view::npos;
}

// A `*` at one end, and before or behind it what a channel name may hold.
std::optional<std::string> pattern_problem(std::string_view pattern) {
  std::string_view text = pattern;
  const bool is_exact = text.find('*') == std::string_view::npos;
  if (text.ends_with('*')) {
    text.remove_suffix(1);
  } else if (text.starts_with('*')) {
    text.remove_prefix(1);
  }
  const auto name = model::ChannelName::parse(text, kNameBytesMax);
  const bool is_part = !is_exact && !name &&
                       (name.error().code == model::NameErrc::kEmpty ||
                        name.error().code == model::NameErrc::kReserved);
  if (name || is_part) return std::nullopt;
  return quote(pattern) +
         " is no channel pattern; write a name, `prefix*`, `*suffix` or `*` with A-Z a-z 0-9 "
         "_ - = @ , . ; :";
}

std::string to_json(const std::vector<DeltaPattern>& patterns) {
  std::string out = "{";
  for (const DeltaPattern& pattern : patterns) {
    std::string members = "{";
    add_member(members, "enabled", pattern.enabled);
    add_member(members, "algorithm", pattern.algorithm);
    add_member(members, "conflation_key", pattern.conflation_key);
    add_member(members, "max_messages_per_key", pattern.max_messages_per_key);
    add_member(members, "max_conflation_keys", pattern.max_conflation_keys);
    add_member(members, "full_message_interval", pattern.full_message_interval);
    add_member(members, "min_message_size", pattern.min_message_size);
    add_member(members, "cache_sync", pattern.cache_sync);
    add_member(members, "enable_tags", pattern.enable_tags);
    out += (out.size() > 1 ? ", " : "") + quote(pattern.pattern) + ": " + members + "}";
  }
  return out + "}";
}

std::vector<DeltaPattern> read_delta_patterns(const Node& node, std::string_view name,
                                              std::vector<Fault>& faults) {
  return PatternsReader(name, faults).read(node);
}

}  // namespace mr::config
