#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/rest_client.h"
#include "net/types.h"

namespace mr::cli {

// Which server and app a tool talks to. The defaults are those of the development node.
struct Target {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6001;
  std::string app_id = "app-id";
  std::string key = "app-key";
  std::string secret = "app-secret";

  std::string host_header() const { return host + ":" + std::to_string(port); }
};

// The numeric address of the target, looked up before a loop runs. Nothing when the name is
// unknown; that is printed then.
std::optional<net::Address> resolve(const Target& target);

// What a reply that is not ok() says: why none came, or the status and the server's sentence.
std::string failure_text(const client::RestReply& reply);

}  // namespace mr::cli
