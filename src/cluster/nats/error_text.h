#pragma once

#include <string>
#include <string_view>

#include "cluster/nats/options.h"

namespace mr::cluster::nats {

// "10.0.0.1:4222, 10.0.0.2:4222"
std::string addresses_of(const NatsOptions& options);

// Why no connection came up, from the library's status and its text: the addresses, the reason, and
// the key of the configuration or what else to do. No secrets. Any thread.
std::string explain_connect(int status, std::string_view error, const NatsOptions& options);

// What an error of the server to a standing connection means, of the bus and of the store; `error`
// is its own text.
std::string explain_error(std::string_view where, std::string_view error,
                          const NatsOptions& options);
std::string explain_store_error(std::string_view where, std::string_view error,
                                const NatsOptions& options);

}  // namespace mr::cluster::nats
