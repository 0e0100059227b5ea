#include <algorithm>

#include "config/delta_patterns.h"
#include "config/layers.h"

namespace mr::config {
namespace {

// Reads one app after the other; problems go to the layers.
class AppsReader {
 public:
  AppsReader(Layers& layers, const model::AppOptions& defaults)
      : layers_(layers), defaults_(defaults) {}

  AppsResult read() {
    const Node& apps = layers_.apps;
    if (apps.kind == Node::Kind::kList) {
      for (const Node& app : apps.items) read_app(app, nullptr);
    } else if (apps.kind == Node::Kind::kMap) {
      for (const Entry& entry : apps.entries) read_app(entry.value, &entry);
    } else {
      error(apps.mark, "\"apps\" must be a list of apps, or a map from id to app");
      return std::move(result_);
    }
    if (apps.items.empty() && apps.entries.empty()) {
      error(apps.mark, "\"apps\" is empty; a node needs at least one app with id, key and secret");
    }
    return std::move(result_);
  }

 private:
  using Places = std::map<const Key*, std::string>;

  std::string place(Mark mark) const { return place_of(layers_.apps_source, mark); }
  void error(Mark mark, const std::string& text) { layers_.add_error(place(mark) + ": " + text); }
  std::string name(std::string_view member) const {
    return "apps[" + std::to_string(result_.apps.size()) + "]." + std::string(member);
  }

  void read_app(const Node& node, const Entry* named) {
    model::AppOptions app = defaults_;
    Places places;
    if (named != nullptr) {
      app.id = named->key;
      places[find_app_key("id")] = place(named->mark);
    }
    if (node.kind != Node::Kind::kMap) {
      error(node.mark, "an app must be a map with id, key and secret");
      return;
    }
    for (const Entry& entry : node.entries) read_member(app, places, entry.key, entry);
    check(app, node);
    remember(app, places);
    result_.apps.push_back(std::move(app));
  }

  void read_member(model::AppOptions& app, Places& places, const std::string& member,
                   const Entry& entry) {
    if (is_group(member) && entry.value.kind == Node::Kind::kMap) {
      for (const Entry& inner : entry.value.entries) {
        read_member(app, places, member + "." + inner.key, inner);
      }
      return;
    }
    const Key* key = find_app_key(member);
    if (key == nullptr) {
      const std::string near = suggest_app_key(member);
      error(entry.mark, "unknown key " + quote(name(member)) +
                            (near.empty() ? "; see `millrace config docs`"
                                          : "; did you mean " + quote(near) + "?"));
      return;
    }
    if (key->since != Since::kAvailable) {
      layers_.warn_without_effect(*key, place(entry.mark), name(member));
      return;
    }
    if (entry.value.kind == Node::Kind::kNull) return;
    const auto [first, is_new] = places.emplace(key, place(entry.value.mark));
    if (!is_new) {
      error(entry.mark, quote(name(member)) + " is set again; the first is at " + first->second);
      return;
    }
    if (key->type == Type::kPatterns) {
      std::vector<Fault> faults;
      key->set_app(app, read_delta_patterns(entry.value, name(member), faults));
      for (const Fault& fault : faults) error(fault.mark, fault.text);
      return;
    }
    auto value = read_value(*key, entry.value);
    if (value.ok()) {
      key->set_app(app, value.value());
    } else {
      error(entry.value.mark, quote(name(member)) + ": " + value.error().detail);
    }
  }

  static bool is_group(std::string_view member) {
    return member == "policy" || member == "policy.limits" || member == "policy.features" ||
           member == "policy.channels";
  }

  void check(const model::AppOptions& app, const Node& node) {
    const std::pair<std::string_view, const std::string*> needed[] = {
        {"id", &app.id}, {"key", &app.key}, {"secret", &app.secret}};
    for (const auto& [member, text] : needed) {
      if (text->empty()) {
        error(node.mark, quote(name(member)) + " is missing; every app needs id, key and secret");
      }
    }
    // Both stand in URL paths as one segment.
    for (const auto& [member, text] : std::span(needed, 2)) {
      if (text->find_first_of("/?#% \t\r\n") != std::string::npos) {
        error(node.mark, quote(name(member)) + " " + quote(*text) +
                             " must not contain spaces or any of / ? # %");
      }
    }
    for (const model::AppOptions& other : result_.apps) {
      if (!app.id.empty() && other.id == app.id) {
        error(node.mark, "two apps have the id " + quote(app.id) + "; ids must be unique");
      }
      if (!app.key.empty() && other.key == app.key) {
        error(node.mark, "two apps have the key " + quote(app.key) + "; keys must be unique");
      }
    }
    for (const std::string& origin : app.allowed_origins) {
      if (std::count(origin.begin(), origin.end(), '*') > 1) {
        error(node.mark, quote(name("allowed_origins")) + ": " + quote(origin) +
                             " has more than one *; write one entry per pattern");
      }
    }
  }

  void remember(const model::AppOptions& app, const Places& places) {
    for (const Key& key : all_keys()) {
      if (key.get_app == nullptr) continue;
      const auto at = places.find(&key);
      result_.origins.push_back({name(key.path.substr(7)),
                                 key.secret ? "\"****\"" : to_json(key.get_app(app)),
                                 at == places.end() ? "default" : at->second});
    }
  }

  Layers& layers_;
  const model::AppOptions& defaults_;
  AppsResult result_;
};

}  // namespace

AppsResult read_apps(Layers& layers, const model::AppOptions& defaults) {
  return AppsReader(layers, defaults).read();
}

}  // namespace mr::config
