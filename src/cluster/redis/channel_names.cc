#include "cluster/redis/channel_names.h"

#include <charconv>

#include "cluster/redis/slots.h"

namespace mr::cluster::redis {
namespace {

constexpr std::string_view kControl = "control";
constexpr std::string_view kShardedControl = "{control}";

}  // namespace

std::string ChannelNames::name_of(Subject subject) const {
  std::string name = base_;
  if (subject == Subject::kControl) return name.append(is_sharded_ ? kShardedControl : kControl);
  if (is_sharded_) name.append("{").append(tag_of(slot_of(subject))).append("}:");
  return name.append(std::to_string(number_of(subject)));
}

std::optional<Subject> ChannelNames::subject_of(std::string_view name) const {
  if (!name.starts_with(base_)) return std::nullopt;
  name.remove_prefix(base_.size());
  if (name == (is_sharded_ ? kShardedControl : kControl)) return Subject::kControl;
  if (is_sharded_) {
    const std::size_t end = name.find("}:");
    if (end == name.npos) return std::nullopt;
    name.remove_prefix(end + 2);
  }
  std::uint32_t partition = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, partition);
  const Subject subject = partition_subject(partition);
  if (error != std::errc{} || stopped != end || subject == Subject::kControl) return std::nullopt;
  return subject;
}

std::uint16_t ChannelNames::slot_of(Subject subject) const {
  static const std::uint16_t kControlSlot = redis::slot_of(kShardedControl);
  if (subject == Subject::kControl) return kControlSlot;
  return slot_of_partition(number_of(subject) % partitions_, partitions_);
}

}  // namespace mr::cluster::redis
