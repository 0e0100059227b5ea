#include "cluster/nats/kv_names.h"

#include <charconv>

#include "crypto/digest.h"

namespace mr::cluster::nats {
namespace {

// A server takes lines of 4,096 bytes, with two subjects on them.
constexpr std::size_t kKeyBytesMax = 1024;

std::string escaped(std::string_view text, char escape) {
  std::string out;
  for (const char c : text) {
    const bool is_plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (is_plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {escape, "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
  }
  return out;
}

}  // namespace

std::string bucket_name(std::string_view prefix, std::string_view what) {
  return escaped(prefix, '-').append("_").append(what);
}

std::string record_key(std::string_view name) {
  if (name.empty()) return "=";
  std::string key = escaped(name, '=');
  if (key.size() > kKeyBytesMax) return "==" + crypto::sha256_hex(name);
  return key;
}

std::optional<std::string> record_name(std::string_view key) {
  if (key == "=") return "";
  std::string name;
  for (std::size_t at = 0; at < key.size(); ++at) {
    if (key[at] != '=') {
      name += key[at];
      continue;
    }
    unsigned byte = 0;
    const char* const end = key.data() + std::min(at + 3, key.size());
    const auto read = std::from_chars(key.data() + at + 1, end, byte, 16);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    name += static_cast<char>(byte);
    at += 2;
  }
  if (record_key(name) != key) return std::nullopt;
  return name;
}

}  // namespace mr::cluster::nats
