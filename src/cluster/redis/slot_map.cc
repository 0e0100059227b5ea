#include "cluster/redis/slot_map.h"

#include <algorithm>
#include <charconv>

namespace mr::cluster::redis {
namespace {

constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kServersMax = 4096;

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

std::optional<net::Address> address_of(std::string_view named, std::int64_t port,
                                       std::string_view host) {
  // "?" stands for a host that the server does not know itself.
  if (named.empty() || named == "?") named = host;
  if (named.empty() || named.size() > kHostBytesMax || port < 1 || port > 65535) {
    return std::nullopt;
  }
  return net::Address{std::string(named), static_cast<std::uint16_t>(port)};
}

}  // namespace

bool is_same(const net::Address& one, const net::Address& other) {
  return one.port == other.port && one.host == other.host;
}

ClusterState read_cluster_info(std::string_view text) {
  const auto value_of = [text](std::string_view name) {
    const std::size_t at = text.find(name);
    if (at == text.npos) return std::string_view();
    const std::string_view rest = text.substr(at + name.size());
    return rest.substr(0, rest.find_first_of("\r\n"));
  };
  return {value_of("cluster_state:") == "ok",
          read_number<std::uint64_t>(value_of("cluster_current_epoch:")).value_or(0)};
}

std::optional<Redirection> read_redirection(std::string_view error, std::string_view host) {
  Redirection found;
  if (error.starts_with("ASK ")) {
    found.is_ask = true;
  } else if (!error.starts_with("MOVED ")) {
    return std::nullopt;
  }
  error.remove_prefix(error.find(' ') + 1);
  const std::size_t space = error.find(' ');
  const std::size_t colon = error.rfind(':');
  if (space == error.npos || colon == error.npos || colon < space) return std::nullopt;
  const auto slot = read_number<std::uint16_t>(error.substr(0, space));
  const auto port = read_number<std::uint16_t>(error.substr(colon + 1));
  if (!slot || *slot >= kSlots || !port) return std::nullopt;
  auto address = address_of(error.substr(space + 1, colon - space - 1), *port, host);
  if (!address) return std::nullopt;
  found.slot = *slot;
  found.to = std::move(*address);
  return found;
}

base::Result<SlotMap, SlotMapErrc> SlotMap::read(const Reply& reply, std::string_view host) {
  const base::Error<SlotMapErrc> failure{
      SlotMapErrc::kNoMap, "its CLUSTER SLOTS are no map of slots; is cluster-enabled on there?"};
  if (reply.kind != Reply::Kind::kArray) return failure;
  SlotMap map;
  for (const Reply& range : reply.elements) {
    if (range.elements.size() < 3 || range.elements[2].elements.size() < 2) return failure;
    const std::int64_t first = range.elements[0].integer;
    const std::int64_t last = range.elements[1].integer;
    const Reply& server = range.elements[2];
    const auto address = address_of(server.elements[0].text, server.elements[1].integer, host);
    if (first < 0 || last < first || last >= kSlots || !address) return failure;
    if (map.servers_.size() >= kServersMax) return failure;
    const std::uint16_t number = map.number_of(*address);
    std::fill(map.by_slot_.begin() + first, map.by_slot_.begin() + last + 1, number);
  }
  return map;
}

const net::Address* SlotMap::owner(std::uint16_t slot) const {
  const std::uint16_t number = by_slot_[slot];
  return number == kNobody ? nullptr : &servers_[number];
}

void SlotMap::move(std::uint16_t slot, const net::Address& to) { by_slot_[slot] = number_of(to); }

std::vector<net::Address> SlotMap::owners() const {
  std::vector<bool> has_slot(servers_.size());
  for (const std::uint16_t number : by_slot_) {
    if (number != kNobody) has_slot[number] = true;
  }
  std::vector<net::Address> owners;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (has_slot[i]) owners.push_back(servers_[i]);
  }
  return owners;
}

bool SlotMap::operator==(const SlotMap& other) const {
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    const net::Address* const here = owner(slot);
    const net::Address* const there = other.owner(slot);
    if ((here == nullptr) != (there == nullptr)) return false;
    if (here != nullptr && !is_same(*here, *there)) return false;
  }
  return true;
}

std::uint16_t SlotMap::number_of(const net::Address& server) {
  const auto found = std::ranges::find_if(
      servers_, [&server](const net::Address& known) { return is_same(known, server); });
  if (found != servers_.end()) return static_cast<std::uint16_t>(found - servers_.begin());
  servers_.push_back(server);
  return static_cast<std::uint16_t>(servers_.size() - 1);
}

}  // namespace mr::cluster::redis
