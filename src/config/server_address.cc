#include "config/server_address.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/percent.h"
#include "config/schema.h"

namespace mr::config {
namespace {

using Failure = base::Error<AddressErrc>;
using base::Done;
using Step = base::Result<Done, AddressErrc>;

// Cut from its front to its end.
class Reading {
 public:
  explicit Reading(std::string_view text) : rest_(text) {}

  base::Result<ServerAddress, AddressErrc> run() {
    cut_scheme();
    for (const auto step : {&Reading::login, &Reading::place}) {
      if (auto done = (this->*step)(); !done.ok()) return done.error();
    }
    return std::move(read_);
  }

 private:
  void cut_scheme() {
    const std::size_t end = rest_.find("://");
    if (end == rest_.npos) return;
    read_.scheme = rest_.substr(0, end);
    std::transform(read_.scheme.begin(), read_.scheme.end(), read_.scheme.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    rest_.remove_prefix(end + 3);
  }

  Step login() {
    // The last one: people write passwords with an @ in them.
    const std::size_t end = rest_.rfind('@');
    if (end == rest_.npos) return Done{};
    const std::string_view login = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    const std::size_t colon = login.find(':');
    const auto first = base::percent_decode(login.substr(0, colon));
    const auto second = base::percent_decode(colon == login.npos ? "" : login.substr(colon + 1));
    if (!first || !second) {
      return Failure{AddressErrc::kLogin,
                     "a % in its user or password must be followed by two hexadecimal digits; "
                     "write %25 for % itself"};
    }
    read_.login = ServerAddress::Login{*first, std::nullopt};
    if (colon != login.npos) read_.login->second = *second;
    return Done{};
  }

  Step place() {
    if (const std::size_t slash = rest_.find('/'); slash != rest_.npos) {
      read_.path = rest_.substr(slash + 1);
      rest_ = rest_.substr(0, slash);
    }
    const std::size_t closing = rest_.rfind(']');
    const std::size_t colon = rest_.find(':', closing == rest_.npos ? 0 : closing);
    const auto host = value_for("database.redis.host", rest_.substr(0, colon));
    if (!host) {
      return Failure{AddressErrc::kHost,
                     "its host must be a name or a numeric address, an IPv6 address in brackets"};
    }
    read_.host = std::get<std::string>(*host);
    if (colon == rest_.npos) return Done{};
    const auto port = value_for("database.redis.port", rest_.substr(colon + 1));
    if (!port) {
      return Failure{AddressErrc::kPort,
                     "its port must be a number from 1 to 65535, and an IPv6 address in brackets"};
    }
    read_.port = static_cast<std::uint16_t>(std::get<std::int64_t>(*port));
    return Done{};
  }

  std::string_view rest_;
  ServerAddress read_;
};

}  // namespace

std::optional<Value> value_for(std::string_view path, std::string_view text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  auto read = read_value(*find_key(path), node);
  if (!read.ok()) return std::nullopt;
  return std::move(read).value();
}

base::Result<ServerAddress, AddressErrc> read_server_address(std::string_view text) {
  return Reading(text).run();
}

std::string to_text(const ServerAddress& address, std::uint16_t default_port) {
  const bool is_v6 = address.host.find(':') != address.host.npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port.value_or(default_port));
}

}  // namespace mr::config
