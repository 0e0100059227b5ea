#pragma once

#include <string>

#include "base/function.h"
#include "cli/options.h"
#include "http/client.h"
#include "net/loop.h"

namespace mr::cli {

// Asks a node's /admin routes. Lives on `loop`; not destroyed inside its own callbacks.
class AdminClient {
 public:
  // Nothing of the name can be asked: it was printed.
  static bool can_resolve(const AdminTarget& admin, net::Address& address);
  AdminClient(net::Loop& loop, const AdminTarget& admin, const net::Address& address);

  // The body of a 200; else empty, and why is printed.
  void ask(http::Method method, const std::string& target, base::Function<void(std::string)> done);

 private:
  const AdminTarget& admin_;
  http::Client client_;
};

}  // namespace mr::cli
