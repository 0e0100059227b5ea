#include "cli/target.h"

#include "cli/terminal.h"
#include "json/parser.h"
#include "net/resolve.h"

namespace mr::cli {

std::optional<net::Address> resolve(const Target& target) {
  const net::Addresses found = net::Resolver::system_lookup(target.host, target.port);
  if (!found || found.value().empty()) {
    print_error("cannot find host '" + target.host + "'" +
                (found ? "" : ": " + found.error().detail) + "; check --host");
    return std::nullopt;
  }
  return found.value().front();
}

std::string failure_text(const client::RestReply& reply) {
  if (reply.status == 0) return reply.body;
  json::Parser parser(1 << 20);
  const auto body = parser.parse(reply.body);
  const auto sentence = body ? body.value().member("error") : std::nullopt;
  const auto text = sentence ? sentence->as_string() : std::nullopt;
  return "the server answered " + std::to_string(reply.status) + ": " +
         std::string(text ? *text : reply.body);
}

}  // namespace mr::cli
