#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

struct evp_mac_ctx_st;

namespace mr::crypto {

// HMAC-SHA-256 (RFC 2104, FIPS 198-1) with the key schedule made once: a signature costs a
// re-initialisation, not a look-up of the algorithm. One object per loop and key; not thread-safe.
// Keeps no copy of the key besides OpenSSL's own, which is cleansed on destruction.
class HmacSha256 {
 public:
  using Mac = std::array<std::byte, 32>;

  explicit HmacSha256(std::string_view key);
  ~HmacSha256();
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;

  Mac sign(std::string_view text);
  // The parts are signed as if they were joined.
  Mac sign(std::initializer_list<std::string_view> parts);
  // Lower-case hexadecimal, 64 characters.
  std::string sign_hex(std::string_view text);
  std::string sign_hex(std::initializer_list<std::string_view> parts);

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

}  // namespace mr::crypto
