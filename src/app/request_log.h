#pragma once

#include <string>

#include "base/random.h"
#include "http/service.h"
#include "observability/log.h"

namespace mr::app {

// Gives each REST request its id and its line in the log. One per loop; outlives the requests.
class RequestLog {
 public:
  RequestLog(observability::Log& log, base::Random& random) : log_(log, "api"), random_(random) {}

  // A responder for `request` whose answer goes to `responder`: with X-Request-Id, and told.
  http::Responder follow(const http::Request& request, http::Responder responder);
  // The same for an answer that is there already.
  void complete(const http::Request& request, http::Response& response);
  // An upgrade that became no WebSocket.
  void tell_refused_upgrade(const http::Request& request, int status) const;

 private:
  // The client's X-Request-Id if it has 1 to 64 printable ASCII characters, else a random one.
  std::string id_of(const http::Request& request);

  const observability::Logger log_;
  base::Random& random_;
};

}  // namespace mr::app
