#include "net/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "net/address.h"

namespace mr::net {
namespace {

struct Request {
  Address name;
  base::Function<void(Addresses)> call;
  Addresses found = base::Error<NetErrc>{NetErrc::kSystem, "not looked up"};
};

}  // namespace

Resolver::Resolver(Worker& worker, Lookup lookup) : worker_(worker), lookup_(std::move(lookup)) {}

void Resolver::resolve(Loop& loop, Address name, base::Function<void(Addresses)> call) {
  auto request = std::make_shared<Request>(Request{std::move(name), std::move(call)});
  if (to_socket_address(request->name).ok()) {
    request->found = std::vector<Address>{request->name};
    loop.post([request] { request->call(std::move(request->found)); });
    return;
  }
  // The worker and then the loop touch the request, never both.
  worker_.submit(
      [this, request] { request->found = lookup_(request->name.host, request->name.port); }, loop,
      [request] { request->call(std::move(request->found)); });
}

Addresses Resolver::system_lookup(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = host.empty() ? EAI_NONAME : getaddrinfo(host.c_str(), nullptr, &hints, &found);
  std::vector<Address> addresses;
  for (addrinfo* a = found; failed == 0 && a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST] = {};
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
        0) {
      addresses.push_back({text, port});
    }
  }
  if (found != nullptr) freeaddrinfo(found);
  if (!addresses.empty()) return addresses;
  return base::Error<NetErrc>{NetErrc::kBadAddress,
                              "cannot resolve \"" + host +
                                  "\": " + (failed != 0 ? gai_strerror(failed) : "no addresses") +
                                  "; check the name and the DNS of this machine"};
}

}  // namespace mr::net
