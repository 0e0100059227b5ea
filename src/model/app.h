#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/rate_bucket.h"
#include "base/ref.h"
#include "model/delta_settings.h"

namespace mr::model {

// One application (tenant): credentials, switches and limits. Names as in the configuration.
// For rates and counts 0 means "no limit".
struct AppOptions {
  std::string id;
  std::string key;
  std::string secret;
  bool enabled = true;

  bool enable_client_messages = false;
  bool enable_user_authentication = false;
  bool enable_subscription_count = false;
  std::vector<std::string> allowed_origins;             // empty or "*": any
  std::vector<DeltaPattern> channel_delta_compression;  // before the node's own

  std::uint32_t max_connections = 0;
  std::uint32_t max_connections_per_user = 0;
  std::uint32_t max_subscriptions_per_connection = 1000;
  std::uint32_t max_client_events_per_second = 10;  // per connection, as Pusher
  std::uint32_t max_backend_events_per_second = 0;  // per app, REST publishes
  std::uint32_t max_read_requests_per_second = 0;   // per app, REST queries
  std::uint32_t max_presence_members_per_channel = 100;
  std::uint32_t max_presence_member_size_in_kb = 2;
  std::uint32_t max_channel_name_length = 200;
  std::uint32_t max_event_channels_at_once = 100;
  std::uint32_t max_event_name_length = 200;
  std::uint32_t max_event_payload_in_kb = 100;
  std::uint32_t max_event_batch_size = 10;
  std::uint32_t max_delta_memory_in_mb = 0;  // of its bases on one node; 0: the node's bound alone
};

// Shared between loops, which change nothing of it but the rates; a changed app is a new object.
struct App final : base::RefCounted {
  explicit App(AppOptions from) : options(std::move(from)) {}
  const AppOptions options;
  const base::RateBucket backend_events;
  const base::RateBucket read_requests;
};

using AppRef = base::Ref<const App>;

// Where apps come from. Asynchronous from the start: a store may need a round trip. The
// continuation runs on the calling loop, once, possibly before the call returns; a null App means
// "no such app". Each loop asks its own instance or one that is safe to share.
class AppStore {
 public:
  virtual ~AppStore() = default;
  using Found = base::Function<void(AppRef)>;
  virtual void find_by_key(std::string_view key, Found found) = 0;
  virtual void find_by_id(std::string_view id, Found found) = 0;
};

}  // namespace mr::model
