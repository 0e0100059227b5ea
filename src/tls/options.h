#pragma once

#include <string>

namespace mr::tls {

// How a server is spoken to with TLS. Files are PEM.
struct ClientOptions {
  bool is_on = false;
  std::string ca_file{};      // authorities that are trusted; empty: those of the system
  std::string cert_file{};    // what this node shows, with its chain; empty: nothing
  std::string key_file{};     // of that certificate, without a passphrase
  std::string server_name{};  // what certificates must be for; empty: the host that was named
  bool verifies = true;       // false: whoever answers is taken for the server
};

}  // namespace mr::tls
