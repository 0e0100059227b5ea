#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "crypto/hmac.h"
#include "model/app.h"
#include "model/socket_id.h"

namespace mr::pusher {

// Signatures of clients (Pusher: "Authenticating users", "Authorizing users"): "<key>:<hex>" with
// HMAC-SHA-256 of the app's secret. Compared in constant time. The HMAC given must be keyed with
// the app's secret (see Signers).

struct ChannelClaim {
  std::string_view auth;  // as the client sent it
  model::SocketId socket_id;
  std::string_view channel;
  std::optional<std::string_view> channel_data;  // signed when present
};
struct UserClaim {
  std::string_view auth;
  model::SocketId socket_id;
  std::string_view user_data;
};
bool check_channel_auth(const model::App& app, crypto::HmacSha256& hmac, const ChannelClaim& claim);
bool check_user_auth(const model::App& app, crypto::HmacSha256& hmac, const UserClaim& claim);

// The `auth` texts themselves, for auth endpoints, tools and tests; `claim.auth` is not read.
std::string channel_auth(const model::App& app, crypto::HmacSha256& hmac,
                         const ChannelClaim& claim);
std::string user_auth(const model::App& app, crypto::HmacSha256& hmac, const UserClaim& claim);

// Pre-keyed HMACs by app, made on first use. One per loop. An app whose secret changed gets a new
// one. Bounded: past kAppsMax all are forgotten and made again.
class Signers {
 public:
  static constexpr std::size_t kAppsMax = 1024;
  explicit Signers(std::uint64_t hash_seed) : by_id_(0, base::TextHash{hash_seed}) {}
  // The reference lives until the next call.
  crypto::HmacSha256& of(const model::App& app);

 private:
  struct Entry {
    std::string secret;
    crypto::HmacSha256 hmac;
  };
  base::TextMap<Entry> by_id_;
};

}  // namespace mr::pusher
