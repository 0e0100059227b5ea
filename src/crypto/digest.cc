#include "crypto/digest.h"

#include <openssl/evp.h>

#include "base/assert.h"
#include "crypto/encoding.h"

namespace mr::crypto {
namespace {

// Fetched once per algorithm; see hmac.cc.
EVP_MD* fetch(const char* name) {
  EVP_MD* const algorithm = EVP_MD_fetch(nullptr, name, nullptr);
  MR_ASSERT(algorithm != nullptr, "OpenSSL has MD5, SHA-1 and SHA-256");
  return algorithm;
}

template <std::size_t kSize>
std::array<std::byte, kSize> digest(const EVP_MD* algorithm, std::string_view text) {
  std::array<std::byte, kSize> out;
  unsigned int length = 0;
  const int good =
      EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &length,
                 algorithm, nullptr);
  MR_ASSERT(good == 1 && length == kSize, "a digest of memory cannot fail");
  return out;
}

}  // namespace

std::string md5_hex(std::string_view text) {
  static const EVP_MD* const algorithm = fetch("MD5");
  return hex(digest<16>(algorithm, text));
}

std::string sha256_hex(std::string_view text) {
  static const EVP_MD* const algorithm = fetch("SHA256");
  return hex(digest<32>(algorithm, text));
}

std::array<std::byte, 20> sha1(std::string_view text) {
  static const EVP_MD* const algorithm = fetch("SHA1");
  return digest<20>(algorithm, text);
}

}  // namespace mr::crypto
