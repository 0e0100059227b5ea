#include "cluster/redis/channel_names.h"

#include <charconv>

namespace mr::cluster::redis {
namespace {

constexpr std::string_view kControl = "control";

}  // namespace

std::string ChannelNames::name_of(Subject subject) const {
  std::string name = base_;
  if (subject == Subject::kControl) return name.append(kControl);
  return name.append(std::to_string(number_of(subject)));
}

std::optional<Subject> ChannelNames::subject_of(std::string_view name) const {
  if (!name.starts_with(base_)) return std::nullopt;
  name.remove_prefix(base_.size());
  if (name == kControl) return Subject::kControl;
  std::uint32_t partition = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, partition);
  const Subject subject = partition_subject(partition);
  if (error != std::errc{} || stopped != end || subject == Subject::kControl) return std::nullopt;
  return subject;
}

}  // namespace mr::cluster::redis
