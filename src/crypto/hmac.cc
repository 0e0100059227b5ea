#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <span>

#include "base/assert.h"
#include "crypto/encoding.h"

namespace mr::crypto {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A fetch costs microseconds and a lock; the result is immutable and shared by all loops.
EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return algorithm;
}

}  // namespace

void HmacSha256::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

HmacSha256::HmacSha256(std::string_view key) : context_(EVP_MAC_CTX_new(hmac_algorithm())) {
  MR_ASSERT(context_ != nullptr, "OpenSSL has HMAC");
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  // A null key means "keep the key that is there": an empty key needs an address too.
  static const unsigned char kEmpty = 0;
  const unsigned char* const bytes = key.empty() ? &kEmpty : bytes_of(key);
  MR_ASSERT(EVP_MAC_init(context_.get(), bytes, key.size(), params) == 1, "HMAC takes its key");
}

HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

HmacSha256::Mac HmacSha256::sign(std::string_view text) { return sign({text}); }

HmacSha256::Mac HmacSha256::sign(std::initializer_list<std::string_view> parts) {
  Mac mac;
  std::size_t length = 0;
  bool good = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
  for (const std::string_view part : parts) {
    good = good && EVP_MAC_update(context_.get(), bytes_of(part), part.size()) == 1;
  }
  good = good && EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(mac.data()),
                               &length, mac.size()) == 1;
  MR_ASSERT(good && length == mac.size(), "HMAC of memory cannot fail");
  return mac;
}

std::string HmacSha256::sign_hex(std::string_view text) { return hex(sign(text)); }

std::string HmacSha256::sign_hex(std::initializer_list<std::string_view> parts) {
  return hex(sign(parts));
}

}  // namespace mr::crypto
