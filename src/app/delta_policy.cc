#include "app/delta_policy.h"

#include <chrono>
#include <utility>

#include "delta/settings.h"

namespace mr::app {
namespace {

constexpr std::size_t kMiB = 1 << 20;

std::string index_key(const std::string& app_id, const std::string& pattern) {
  return app_id + '\0' + pattern;
}

}  // namespace

DeltaPlanRef DeltaPlan::make(model::DeltaSettings settings, const std::vector<std::string>& app_ids,
                             const DeltaPlan* before) {
  auto plan = std::make_shared<DeltaPlan>();
  if (before != nullptr) *plan = *before;
  plan->settings = std::move(settings);
  for (const std::string& app_id : app_ids) {
    plan->add(app_id, {});
    for (const model::DeltaPattern& entry : plan->settings.channel_delta_compression) {
      plan->add(app_id, entry.pattern);
    }
    for (const model::DeltaPattern& entry : delta::patterns_of(plan->settings, app_id)) {
      plan->add(app_id, entry.pattern);
    }
  }
  return plan;
}

void DeltaPlan::add(const std::string& app_id, const std::string& pattern) {
  const auto next = static_cast<std::uint32_t>(labels.size());
  if (!index_.try_emplace(index_key(app_id, pattern), next).second) return;
  labels.push_back({app_id, pattern});
}

std::size_t DeltaPlan::bytes_max(std::size_t loops) const {
  return settings.delta.max_memory_mb * kMiB / loops;
}

std::uint32_t DeltaPlan::label_of(const std::string& app_id, const std::string& pattern) const {
  const auto found = index_.find(index_key(app_id, pattern));
  return found == index_.end() ? 0 : found->second;
}

channel::ChainOptionsRef DeltaPolicy::find(const model::App& app,
                                           const model::ChannelName& channel) {
  const model::DeltaSettings& all = plan_->settings;
  const delta::ChannelSettings of_channel = delta::resolve_for(all, app.options.id, channel.text());
  auto options = std::make_shared<channel::ChainOptions>();
  options->label = plan_->label_of(app.options.id, of_channel.pattern);
  options->app_label = plan_->label_of(app.options.id, {});
  const std::size_t app_mb = app.options.max_delta_memory_in_mb;
  if (app_mb != 0) options->app_bytes_max = app_mb * kMiB / loops_;
  options->conflation_key = of_channel.conflation_key;
  options->full_message_interval = of_channel.full_message_interval;
  options->data_bytes_min = of_channel.min_message_size;
  options->messages_per_key_max = of_channel.max_messages_per_key;
  options->keys_max = of_channel.max_conflation_keys;
  options->age_max = std::chrono::seconds(all.delta.max_state_age_secs);
  options->keeps_tags = of_channel.enable_tags;
  options->keeps_bases = all.delta.enabled && of_channel.cache_sync == model::CacheSync::kBases &&
                         of_channel.enabled.value_or(true) &&
                         channel.kind() != model::ChannelKind::kEncrypted;
  options->is_coordinated = coordinates() && !options->conflation_key.empty() &&
                            of_channel.enabled.value_or(true) &&
                            channel.kind() != model::ChannelKind::kEncrypted;
  return options;
}

}  // namespace mr::app
