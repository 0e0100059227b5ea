#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "net/loop.h"
#include "net/runtime.h"

namespace mr::net {

using Addresses = base::Result<std::vector<Address>, NetErrc>;

// Names to numeric addresses, looked up on the worker. Any loop may use it; it must outlive its
// look-ups. Simulations give it a look-up of their own.
class Resolver {
 public:
  // Runs on the worker; may block.
  using Lookup = base::Function<Addresses(const std::string& host, std::uint16_t port)>;

  explicit Resolver(Worker& worker, Lookup lookup = &system_lookup);

  // `call` runs later on `loop`, never inside resolve(). A good result has at least one address,
  // in the order in which they should be tried. Numeric addresses do not go to the worker.
  void resolve(Loop& loop, Address name, base::Function<void(Addresses)> call);

  // getaddrinfo(3), without the name's service part.
  static Addresses system_lookup(const std::string& host, std::uint16_t port);

 private:
  Worker& worker_;
  Lookup lookup_;  // the worker's
};

}  // namespace mr::net
