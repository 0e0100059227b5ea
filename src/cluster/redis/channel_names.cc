#include "cluster/redis/channel_names.h"

#include <algorithm>
#include <charconv>

namespace mr::cluster::redis {
namespace {

constexpr std::string_view kControl = "control";
constexpr std::size_t kPrefixBytesMax = 128;

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

std::optional<std::string> ChannelNames::prefix_problem(std::string_view prefix) {
  const auto is_bad = [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f ||
           std::string_view("*?[]\\").find(static_cast<char>(c)) != std::string_view::npos;
  };
  const bool is_good = !prefix.empty() && prefix.size() <= kPrefixBytesMax &&
                       std::none_of(prefix.begin(), prefix.end(), is_bad);
  if (is_good) return std::nullopt;
  std::string shown(prefix.substr(0, kPrefixBytesMax));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return "the prefix \"" + shown + "\" cannot be in the names of keys and channels: take 1 to " +
         std::to_string(kPrefixBytesMax) +
         " visible ASCII characters without spaces and without * ? [ ] \\";
}

}  // namespace mr::cluster::redis
