#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mr::model {

enum class ChannelKind : std::uint8_t { kPublic, kPrivate, kEncrypted, kPresence, kServerToUser };

enum class NameErrc : std::uint8_t {
  kEmpty,       // no characters
  kTooLong,     // over the app's limit (200 by default)
  kCharacters,  // outside A-Za-z0-9 _-=@,.;:# (Pusher channel naming conventions, and ':')
  kReserved,    // '#' names other than #server-to-user-<id>
};

// A validated channel name and what its prefix says. The text exists as a bare string only
// between the wire and parse().
class ChannelName {
 public:
  static constexpr std::size_t kLengthMax = 200;

  static base::Result<ChannelName, NameErrc> parse(std::string_view text,
                                                   std::size_t length_max = kLengthMax);
  // "#server-to-user-<id>": where events for a signed-in user go.
  static ChannelName server_to_user(std::string_view user_id);

  const std::string& text() const { return text_; }
  ChannelKind kind() const { return kind_; }
  // cache-, private-cache-, private-encrypted-cache-, presence-cache-.
  bool is_cache() const { return is_cache_; }
  bool needs_auth() const { return kind_ != ChannelKind::kPublic; }
  bool is_presence() const { return kind_ == ChannelKind::kPresence; }
  bool allows_client_events() const {
    return kind_ == ChannelKind::kPrivate || kind_ == ChannelKind::kPresence;
  }
  bool operator==(const ChannelName& other) const { return text_ == other.text_; }

 private:
  explicit ChannelName(std::string_view text);

  std::string text_;
  ChannelKind kind_ = ChannelKind::kPublic;
  bool is_cache_ = false;
};

const char* describe(NameErrc code);

}  // namespace mr::model
