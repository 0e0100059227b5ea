#include "app/broker_tls.h"

#include <utility>

#include "tls/client_context.h"

namespace mr::app {

base::Result<base::Done, tls::ContextErrc> open_broker_tls(config::BrokerOptions& broker) {
  using config::BrokerDriver;
  const bool is_nats = broker.driver == BrokerDriver::kNats;
  if (broker.driver == BrokerDriver::kLocal) return base::Done{};
  const bool has_tls =
      is_nats ? broker.nats.tls.is_on : broker.redis.tls.is_on || broker.redis.sentinel.has_tls;
  if (!has_tls) return base::Done{};
  auto made = tls::ClientContext::make(is_nats ? broker.nats.tls : broker.redis.tls,
                                       is_nats ? "adapter.nats.tls" : "database.redis.tls");
  if (!made.ok()) return made.error();
  // The library of NATS reads the files itself, for each connection; they were only tried.
  if (!is_nats) broker.redis.tls_context = std::move(made).value();
  return base::Done{};
}

}  // namespace mr::app
