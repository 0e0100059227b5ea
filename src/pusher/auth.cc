#include "pusher/auth.h"

#include "crypto/encoding.h"

namespace mr::pusher {
namespace {

std::string with_key(const model::App& app, std::string_view signature) {
  std::string out = app.options.key;
  out += ':';
  out += signature;
  return out;
}

std::string sign_channel(crypto::HmacSha256& hmac, const ChannelClaim& claim) {
  const std::string socket_id = claim.socket_id.to_string();
  if (!claim.channel_data) return hmac.sign_hex({socket_id, ":", claim.channel});
  return hmac.sign_hex({socket_id, ":", claim.channel, ":", *claim.channel_data});
}

std::string sign_user(crypto::HmacSha256& hmac, const UserClaim& claim) {
  return hmac.sign_hex({claim.socket_id.to_string(), "::user::", claim.user_data});
}

// A signature is 64 characters behind the key: anything else is refused before it is computed.
bool has_shape(const model::App& app, std::string_view auth) {
  constexpr std::size_t kSignatureLength = 64;
  const std::string& key = app.options.key;
  return auth.size() == key.size() + 1 + kSignatureLength && auth.starts_with(key) &&
         auth[key.size()] == ':';
}

}  // namespace

bool check_channel_auth(const model::App& app, crypto::HmacSha256& hmac,
                        const ChannelClaim& claim) {
  if (!has_shape(app, claim.auth)) return false;
  return crypto::equal_constant_time(claim.auth.substr(app.options.key.size() + 1),
                                     sign_channel(hmac, claim));
}

bool check_user_auth(const model::App& app, crypto::HmacSha256& hmac, const UserClaim& claim) {
  if (!has_shape(app, claim.auth)) return false;
  return crypto::equal_constant_time(claim.auth.substr(app.options.key.size() + 1),
                                     sign_user(hmac, claim));
}

std::string channel_auth(const model::App& app, crypto::HmacSha256& hmac,
                         const ChannelClaim& claim) {
  return with_key(app, sign_channel(hmac, claim));
}

std::string user_auth(const model::App& app, crypto::HmacSha256& hmac, const UserClaim& claim) {
  return with_key(app, sign_user(hmac, claim));
}

crypto::HmacSha256& Signers::of(const model::App& app) {
  const model::AppOptions& options = app.options;
  auto found = by_id_.find(options.id);
  if (found != by_id_.end() && crypto::equal_constant_time(found->second.secret, options.secret)) {
    return found->second.hmac;
  }
  if (found != by_id_.end()) {
    by_id_.erase(found);
  } else if (by_id_.size() >= kAppsMax) {
    by_id_.clear();
  }
  Entry entry{options.secret, crypto::HmacSha256(options.secret)};
  return by_id_.emplace(options.id, std::move(entry)).first->second.hmac;
}

}  // namespace mr::pusher
