#pragma once

#include <cstdint>
#include <string>

#include "config/settings.h"

namespace mr::app {

// What a development node prints at its start: credentials, a pusher-js snippet and a curl line
// that signs itself.
std::string development_banner(const config::Settings& settings, std::uint16_t port);

}  // namespace mr::app
