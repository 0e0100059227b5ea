#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace mr::crypto {

// Any thread may call these. MD5 and SHA-1 only where a protocol names them (body_md5 of the
// Pusher REST API, the accept key of RFC 6455).
std::string md5_hex(std::string_view text);
std::string sha256_hex(std::string_view text);
std::array<std::byte, 20> sha1(std::string_view text);

}  // namespace mr::crypto
