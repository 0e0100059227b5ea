#include "net/types.h"

#include <arpa/inet.h>

#include <algorithm>

namespace mr::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped_v4(const std::array<std::uint8_t, 16>& ip) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin());
}

}  // namespace

std::string PeerAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_mapped_v4(ip)) {
    inet_ntop(AF_INET, ip.data() + kMappedPrefix.size(), text, sizeof text);
  } else {
    inet_ntop(AF_INET6, ip.data(), text, sizeof text);
  }
  return text;
}

bool PeerAddress::is_loopback() const {
  if (is_mapped_v4(ip)) return ip[12] == 127;
  return ip[15] == 1 && std::all_of(ip.begin(), ip.end() - 1, [](auto b) { return b == 0; });
}

}  // namespace mr::net
