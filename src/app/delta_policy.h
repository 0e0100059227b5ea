#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "channel/options.h"
#include "model/delta_settings.h"

namespace mr::app {

// The configuration of deltas as all loops see it: immutable, a new one replaces it.
struct DeltaPlan {
  // What the metrics tell apart: an app and a pattern of its channels ("": none matched).
  struct Label {
    std::string app_id;
    std::string pattern;
  };

  model::DeltaSettings settings;
  std::vector<Label> labels;  // by ChainOptions::label; a later plan has them in the same places

  // `before`: null for the first one.
  static std::shared_ptr<const DeltaPlan> make(model::DeltaSettings settings,
                                               const std::vector<std::string>& app_ids,
                                               const DeltaPlan* before);
  // Bytes of bases that one of so many home loops may keep.
  std::size_t bytes_max(std::size_t loops) const;
  std::uint32_t label_of(const std::string& app_id, const std::string& pattern) const;

 private:
  void add(const std::string& app_id, const std::string& pattern);
  base::TextMap<std::uint32_t> index_;
};
using DeltaPlanRef = std::shared_ptr<const DeltaPlan>;

// Gives one loop's home its channels' settings.
class DeltaPolicy final : public channel::ChainPolicy {
 public:
  DeltaPolicy(DeltaPlanRef plan, std::size_t loops) : plan_(std::move(plan)), loops_(loops) {}
  void change(DeltaPlanRef plan) { plan_ = std::move(plan); }
  const DeltaPlan& plan() const { return *plan_; }
  std::shared_ptr<const model::DeltaSettings> settings() const { return {plan_, &plan_->settings}; }

  channel::ChainOptionsRef find(const model::App& app, const model::ChannelName& channel) override;
  bool coordinates() const override {
    return plan_->settings.delta.enabled && plan_->settings.delta.cluster_coordination;
  }

 private:
  DeltaPlanRef plan_;
  const std::size_t loops_;
};

}  // namespace mr::app
