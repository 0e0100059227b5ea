#include "cluster/nats/kv_names.h"

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

}  // namespace mr::cluster::nats
