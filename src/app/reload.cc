#include "app/reload.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mr::app {
namespace {

// What Node::change_deltas() takes over.
bool is_applied(std::string_view path) {
  return path.starts_with("delta_compression.") || path.starts_with("tag_filtering.") ||
         path.ends_with("channel_delta_compression");
}

const std::string* value_of(const std::vector<config::Origin>& origins, std::string_view path) {
  const auto found = std::find_if(origins.begin(), origins.end(),
                                  [path](const auto& origin) { return origin.path == path; });
  return found == origins.end() ? nullptr : &found->value;
}

// Paths of one configuration whose value the other does not have.
void add_differences(const std::vector<config::Origin>& one,
                     const std::vector<config::Origin>& other, std::vector<std::string>& paths) {
  for (const config::Origin& origin : one) {
    const std::string* value = value_of(other, origin.path);
    if (value != nullptr && *value == origin.value) continue;
    if (std::find(paths.begin(), paths.end(), origin.path) == paths.end()) {
      paths.push_back(origin.path);
    }
  }
}

void append(std::string& list, const std::string& path) {
  list += (list.empty() ? "" : ", ") + path;
}

}  // namespace

void Reload::run() {
  config::LoadOutcome outcome = load_();
  if (!outcome.ok()) {
    for (const std::string& error : outcome.errors) {
      logger_.error("configuration not reloaded", {{"reason", error}});
    }
    return;
  }
  std::vector<std::string> changed;
  add_differences(outcome.origins, in_force_, changed);
  add_differences(in_force_, outcome.origins, changed);
  std::string applied;
  std::string waiting;
  for (const std::string& path : changed) append(is_applied(path) ? applied : waiting, path);
  node_.change_deltas(std::move(outcome.settings.delta));
  logger_.info("configuration reloaded", {{"changed", applied}});
  if (!waiting.empty()) logger_.warn("changed keys need a restart", {{"keys", waiting}});
  // What waits stays different from what is in force, and is named again.
  std::erase_if(in_force_, [](const auto& origin) { return is_applied(origin.path); });
  for (config::Origin& origin : outcome.origins) {
    if (is_applied(origin.path)) in_force_.push_back(std::move(origin));
  }
}

}  // namespace mr::app
