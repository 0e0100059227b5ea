#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "pusher/encode.h"
#include "pusher/presence.h"
#include "pusher/user.h"

// Users that are accepted can be shown: every presence event made of them is JSON.

namespace pusher = mr::pusher;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser parser(16 * 1024);
  static mr::json::Parser check(1 << 20);
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto user = pusher::parse_user_data(parser, text);
  if (user) MR_ASSERT(!user.value().id.empty(), "a user has an id");
  const auto member = pusher::parse_channel_data(parser, text);
  if (!member) {
    MR_ASSERT(!member.error().detail.empty(), "a refusal says why");
    return 0;
  }
  MR_ASSERT(!member.value().user_id.empty(), "a member has an id");
  const auto all = std::span(&member.value(), 1);
  MR_ASSERT(check.parse(pusher::presence_subscription_succeeded("presence-c", all)).ok(), "JSON");
  MR_ASSERT(check.parse(pusher::member_added("presence-c", member.value())).ok(), "JSON");
  MR_ASSERT(check.parse(pusher::member_removed("presence-c", member.value())).ok(), "JSON");
  return 0;
}
