#include "cli/target.h"

#include "cli/terminal.h"
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

}  // namespace mr::cli
