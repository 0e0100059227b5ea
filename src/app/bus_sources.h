#pragma once

#include <memory>

#include "app/bus_source.h"
#include "config/settings.h"
#include "net/runtime.h"
#include "observability/log.h"

namespace mr::app {

// The source of the driver that the settings name. Null: a node on its own.
std::unique_ptr<BusSource> make_bus_source(const config::Settings& settings, net::Runtime& runtime,
                                           observability::Log& log);

}  // namespace mr::app
