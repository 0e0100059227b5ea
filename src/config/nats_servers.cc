#include "config/nats_servers.h"

#include <string_view>
#include <utility>

#include "config/server_address.h"

namespace mr::config {
namespace {

using Failure = base::Error<NatsServersErrc>;
using base::Done;
using Step = base::Result<Done, NatsServersErrc>;

constexpr std::uint16_t kPort = 4222;

Failure failure_of(const base::Error<AddressErrc>& error) {
  switch (error.code) {
    case AddressErrc::kLogin:
      return {NatsServersErrc::kLogin, error.detail};
    case AddressErrc::kHost:
      return {NatsServersErrc::kHost, "of a server, " + error.detail +
                                          "; write nats://user:password@host:port or host:port"};
    case AddressErrc::kPort:
      break;
  }
  return {NatsServersErrc::kPort, "of a server, " + error.detail};
}

Step take_login(const ServerAddress::Login& login, NatsServers& into) {
  NatsServers own;
  (login.second ? own.username : own.token) = login.first;
  own.password = login.second.value_or("");
  const auto parts = [](const NatsServers& of) {
    return std::vector<std::string>{of.username, of.password, of.token};
  };
  if (parts(into) != parts(NatsServers{}) && parts(into) != parts(own)) {
    return Failure{NatsServersErrc::kLogin,
                   "its servers have different logins, and all servers of a NATS cluster take "
                   "the same; write it once, in adapter.nats.username and adapter.nats.password"};
  }
  into.username = own.username;
  into.password = own.password;
  into.token = own.token;
  return Done{};
}

Step take(const ServerAddress& address, NatsServers& into) {
  const bool is_tls = address.scheme == "tls";
  if (!address.scheme.empty() && !is_tls && address.scheme != "nats") {
    return Failure{NatsServersErrc::kScheme,
                   "each server must begin with nats:// or tls://, or have no :// at all; write "
                   "nats://user:password@host:port or host:port"};
  }
  if (!address.path.empty()) {
    return Failure{NatsServersErrc::kPath, "behind the port of a server nothing may stand"};
  }
  if (is_tls) into.is_tls = true;
  into.addresses.push_back(to_text(address, kPort));
  return address.login ? take_login(*address.login, into) : Done{};
}

}  // namespace

base::Result<NatsServers, NatsServersErrc> read_nats_servers(
    const std::vector<std::string>& given) {
  NatsServers servers;
  bool is_plain = false;
  for (std::string_view text : given) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    auto read = read_server_address(text);
    if (!read.ok()) return failure_of(read.error());
    if (auto done = take(read.value(), servers); !done.ok()) return done.error();
    is_plain = is_plain || read.value().scheme == "nats";
  }
  if (servers.is_tls && is_plain) {
    return Failure{NatsServersErrc::kScheme,
                   "some of its servers begin with tls:// and others with nats://, and all servers "
                   "of a NATS cluster are spoken to in one way; write tls:// for all or for none"};
  }
  return servers;
}

}  // namespace mr::config
