#pragma once

#include "base/result.h"
#include "config/settings.h"
#include "tls/client_context.h"

namespace mr::app {

// Reads the files that TLS towards the broker needs, once, and keeps in `broker` what connections
// are made with. The detail of an error names key, file, reason and remedy. Blocks for the files.
base::Result<base::Done, tls::ContextErrc> open_broker_tls(config::BrokerOptions& broker);

}  // namespace mr::app
