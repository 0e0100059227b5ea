#include "api/attributes.h"

namespace mr::api {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

base::Result<Attributes, Errc> read_attributes(std::string_view text) {
  Attributes wanted;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view name = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (name.empty()) continue;
    if (name == "user_count") {
      wanted.user_count = true;
    } else if (name == "subscription_count") {
      wanted.subscription_count = true;
    } else if (name == "cache") {
      wanted.cache = true;
    } else if (name == "level") {
      wanted.level = true;
    } else {
      return Error{Errc::kInvalidInput, "info names the unknown attribute " + shown(name) +
                                            "; use user_count, subscription_count, cache or level"};
    }
  }
  return wanted;
}

void write_counts(json::Writer& writer, const Attributes& wanted,
                  const channel::ChannelCounts& counts, bool is_presence) {
  if (wanted.subscription_count) {
    writer.key("subscription_count");
    writer.number(counts.subscription_count);
  }
  if (wanted.user_count && is_presence) {
    writer.key("user_count");
    writer.number(counts.user_count);
  }
}

}  // namespace mr::api
