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

namespace {

// The event is JSON, and so is the text that it carries as data.
void require_json(mr::json::Parser& parser, const std::string& event) {
  const auto outer = parser.parse(event);
  MR_ASSERT(outer.ok(), "the event is JSON");
  const auto data = outer.value().member("data");
  MR_ASSERT(data && data->as_string(), "the event has data");
  const std::string inner(*data->as_string());
  MR_ASSERT(parser.parse(inner).ok(), "the data is JSON");
}

}  // namespace

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
  require_json(check, pusher::presence_subscription_succeeded("presence-c", all));
  require_json(check, pusher::member_added("presence-c", member.value()));
  require_json(check, pusher::member_removed("presence-c", member.value()));
  return 0;
}
