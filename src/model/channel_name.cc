#include "model/channel_name.h"

#include <algorithm>

namespace mr::model {
namespace {

constexpr std::string_view kServerToUserPrefix = "#server-to-user-";

bool is_name_character(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("_-=@,.;:").find(c) != std::string_view::npos;
}

bool cut(std::string_view& rest, std::string_view prefix) {
  if (!rest.starts_with(prefix)) return false;
  rest.remove_prefix(prefix.size());
  return true;
}

}  // namespace

ChannelName::ChannelName(std::string_view text) : text_(text) {
  std::string_view rest = text;
  if (cut(rest, kServerToUserPrefix)) {
    kind_ = ChannelKind::kServerToUser;
  } else if (cut(rest, "private-encrypted-")) {
    kind_ = ChannelKind::kEncrypted;
  } else if (cut(rest, "private-")) {
    kind_ = ChannelKind::kPrivate;
  } else if (cut(rest, "presence-")) {
    kind_ = ChannelKind::kPresence;
  }
  is_cache_ = kind_ != ChannelKind::kServerToUser && rest.starts_with("cache-");
}

base::Result<ChannelName, NameErrc> ChannelName::parse(std::string_view text,
                                                       std::size_t length_max) {
  if (text.empty()) return base::Error<NameErrc>{NameErrc::kEmpty, {}};
  if (text.size() > length_max) {
    return base::Error<NameErrc>{NameErrc::kTooLong, std::to_string(text.size())};
  }
  std::string_view body = text;
  if (body.front() == '#' && !cut(body, kServerToUserPrefix)) {
    return base::Error<NameErrc>{NameErrc::kReserved, std::string(text)};
  }
  const auto bad = std::find_if_not(body.begin(), body.end(), is_name_character);
  if (bad != body.end() && body.data() == text.data()) {
    return base::Error<NameErrc>{NameErrc::kCharacters, std::string(1, *bad)};
  }
  return ChannelName(text);
}

ChannelName ChannelName::server_to_user(std::string_view user_id) {
  return ChannelName(std::string(kServerToUserPrefix) + std::string(user_id));
}

const char* describe(NameErrc code) {
  switch (code) {
    case NameErrc::kEmpty:
      return "the channel name is empty";
    case NameErrc::kTooLong:
      return "the channel name is too long";
    case NameErrc::kCharacters:
      return "the channel name has a character outside A-Z a-z 0-9 _ - = @ , . ; :";
    case NameErrc::kReserved:
      return "names that begin with # are reserved";
  }
  return "";
}

}  // namespace mr::model
