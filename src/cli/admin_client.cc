#include "cli/admin_client.h"

#include <utility>

#include "cli/terminal.h"

namespace mr::cli {
namespace {

constexpr std::size_t kBytesMax = 64 << 20;

http::ClientOptions connection_to(const AdminTarget& admin, const net::Address& address) {
  http::ClientOptions options;
  options.address = address;
  options.host = admin.target.host_header();
  options.limits.body_bytes_max = kBytesMax;
  return options;
}

}  // namespace

bool AdminClient::can_resolve(const AdminTarget& admin, net::Address& address) {
  const auto found = resolve(admin.target);
  if (found) address = *found;
  return found.has_value();
}

AdminClient::AdminClient(net::Loop& loop, const AdminTarget& admin, const net::Address& address)
    : admin_(admin), client_(loop, connection_to(admin, address)) {}

void AdminClient::ask(http::Method method, const std::string& target,
                      base::Function<void(std::string)> done) {
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  if (!admin_.token.empty()) {
    request.headers.push_back({"Authorization", "Bearer " + admin_.token});
  }
  client_.send(request, [done = std::move(done)](
                            base::Result<http::Response, http::ClientErrc> answer) mutable {
    if (answer && answer.value().status == 200) return done(std::move(answer).value().body);
    if (!answer) {
      print_error(answer.error().detail +
                  "; name the node with --host and the port of its metrics with --metrics-port");
    } else {
      print_error(failure_text({answer.value().status, answer.value().body}));
    }
    done({});
  });
}

}  // namespace mr::cli
