#include "config/nats_servers.h"

#include <algorithm>
#include <string_view>

#include "base/percent.h"
#include "config/schema.h"

namespace mr::config {
namespace {

using Failure = base::Error<NatsServersErrc>;
using base::Done;
using Step = base::Result<Done, NatsServersErrc>;

// What a key takes as its value; nothing else is taken either.
bool is_good(std::string_view path, std::string_view text, Value& value) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  auto read = read_value(*find_key(path), node);
  if (read.ok()) value = std::move(read).value();
  return read.ok();
}

// One server, cut from its front to its end.
class Reading {
 public:
  Reading(std::string_view text, NatsServers& into) : rest_(text), into_(into) {}

  Step run() {
    for (const auto step : {&Reading::scheme, &Reading::login, &Reading::place}) {
      if (auto done = (this->*step)(); !done.ok()) return done.error();
    }
    return Done{};
  }

 private:
  Step scheme() {
    const std::size_t end = rest_.find("://");
    if (end == rest_.npos) return Done{};
    std::string name(rest_.substr(0, end));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (name == "tls") {
      return Failure{NatsServersErrc::kTls,
                     "tls:// asks for TLS, which this version does not have towards NATS yet; "
                     "write nats:// and keep the network between them private"};
    }
    if (name != "nats") {
      return Failure{NatsServersErrc::kScheme,
                     "each server must begin with nats://, or have no :// at all; write "
                     "nats://user:password@host:port or host:port"};
    }
    rest_.remove_prefix(end + 3);
    return Done{};
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
      return Failure{NatsServersErrc::kLogin,
                     "a % in a login must be followed by two hexadecimal digits; write %25 for % "
                     "itself"};
    }
    NatsServers own;
    (colon == login.npos ? own.token : own.username) = *first;
    own.password = *second;
    const auto parts = [](const NatsServers& of) {
      return std::vector<std::string>{of.username, of.password, of.token};
    };
    if (parts(into_) != parts(NatsServers{}) && parts(into_) != parts(own)) {
      return Failure{NatsServersErrc::kLogin,
                     "its servers have different logins, and all servers of a NATS cluster take "
                     "the same; write it once, in adapter.nats.username and adapter.nats.password"};
    }
    into_.username = own.username;
    into_.password = own.password;
    into_.token = own.token;
    return Done{};
  }

  Step place() {
    if (rest_.ends_with('/')) rest_.remove_suffix(1);
    if (rest_.find('/') != rest_.npos) {
      return Failure{NatsServersErrc::kPath, "behind the port of a server nothing may stand"};
    }
    const std::size_t closing = rest_.rfind(']');
    const std::size_t colon = rest_.find(':', closing == rest_.npos ? 0 : closing);
    Value host;
    if (!is_good("database.redis.host", rest_.substr(0, colon), host)) {
      return Failure{NatsServersErrc::kHost,
                     "the host of a server must be a name or a numeric address, an IPv6 address "
                     "in brackets; write nats://user:password@host:port or host:port"};
    }
    Value port(std::int64_t{4222});
    if (colon != rest_.npos && !is_good("database.redis.port", rest_.substr(colon + 1), port)) {
      return Failure{NatsServersErrc::kPort,
                     "the port of a server must be a number from 1 to 65535, and an IPv6 address "
                     "in brackets"};
    }
    const std::string& name = std::get<std::string>(host);
    const bool is_v6 = name.find(':') != name.npos;
    into_.addresses.push_back((is_v6 ? "[" + name + "]" : name) + ":" +
                              std::to_string(std::get<std::int64_t>(port)));
    return Done{};
  }

  std::string_view rest_;
  NatsServers& into_;
};

}  // namespace

base::Result<NatsServers, NatsServersErrc> read_nats_servers(
    const std::vector<std::string>& given) {
  NatsServers servers;
  for (std::string_view text : given) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (auto done = Reading(text, servers).run(); !done.ok()) return done.error();
  }
  return servers;
}

}  // namespace mr::config
