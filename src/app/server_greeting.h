#pragma once

#include <string>

namespace mr::app {

// The first line that a server says to whoever connects to "host:port"; empty: none within a
// second. Blocks.
std::string server_greeting(const std::string& address);

}  // namespace mr::app
