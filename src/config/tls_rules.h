#pragma once

#include <string>
#include <string_view>

#include "config/layers.h"
#include "config/load.h"
#include "tls/options.h"

namespace mr::config {

// What the keys of one broker's TLS say of each other. `section` is "database.redis.tls" or
// "adapter.nats.tls".

// The schemes of the servers that `path` names ask for TLS, or for none, which `key` decides where
// it is set: a contradiction is an error that names both. What holds then.
bool settle_scheme(Layers& layers, const char* path, bool asks, const std::string& key, bool is_on);

// Half a certificate, a file that cannot be read and keys of TLS that is off are errors; no
// verification is a warning. `is_used`: something is spoken to with TLS.
void check_tls(Layers& layers, std::string_view section, const tls::ClientOptions& options,
               bool is_used);
void check_tls_files(Layers& layers, std::string_view section, const tls::ClientOptions& options,
                     ReadFile& read_file);

}  // namespace mr::config
