#include "config/broker_rules.h"

#include <algorithm>

namespace mr::config {

void refuse_both(Layers& layers, std::string_view one, std::string_view what,
                 std::string_view path) {
  const Key* key = find_key(path);
  const Assignment& other = layers.values.at(key);
  layers.add_error(layers.place(one) + ": " + quote(one) + " " + std::string(what) + " " +
                   quote(path) + (key->secret ? "" : ", which is " + to_json(other.value)) + " (" +
                   other.place + "); remove one of the two");
}

void check_prefix(Layers& layers, const char* path, const std::optional<std::string>& problem) {
  if (problem) layers.add_error(layers.place(path) + ": " + quote(path) + ": " + *problem);
}

void refuse_bare_user(Layers& layers, std::string_view user, std::string_view password,
                      std::string_view told_at) {
  layers.add_error(layers.place(told_at) + ": " + quote(user) + " is without effect while " +
                   quote(password) + " is empty; set both or none");
}

void warn_of_unused(Layers& layers, std::initializer_list<const char*> paths,
                    const std::string& remedy) {
  if (layers.is_set("adapter.driver")) return;
  const auto first = std::ranges::find_if(paths, [&](auto path) { return layers.is_set(path); });
  if (first == paths.end()) return;
  layers.warnings.push_back(layers.place(*first) + ": " + quote(*first) +
                            " has no effect on its own; " + remedy);
}

}  // namespace mr::config
