#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "model/app.h"

namespace mr::app {

// The apps of the configuration. Never changes after construction: all loops share one.
class ConfigAppStore final : public model::AppStore {
 public:
  explicit ConfigAppStore(const std::vector<model::AppOptions>& apps) {
    for (const model::AppOptions& options : apps) {
      const model::AppRef app = base::make_ref<const model::App>(options);
      by_key_.emplace(options.key, app);
      by_id_.emplace(options.id, app);
    }
  }
  void find_by_key(std::string_view key, Found found) override { found(look_up(by_key_, key)); }
  void find_by_id(std::string_view id, Found found) override { found(look_up(by_id_, id)); }

 private:
  using Apps = base::TextMap<model::AppRef>;
  static model::AppRef look_up(const Apps& apps, std::string_view name) {
    const auto found = apps.find(name);
    return found == apps.end() ? model::AppRef() : found->second;
  }

  Apps by_key_;
  Apps by_id_;
};

}  // namespace mr::app
