#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "http/client.h"
#include "net/loop.h"

namespace mr::client {

struct RestOptions {
  net::Address address;
  std::string host;  // the Host header; empty: address and port
  std::string app_id;
  std::string key;
  std::string secret;
  base::Duration response_timeout = std::chrono::seconds(30);
};

// One event to publish. `data` is the text that subscribers get.
struct RestEvent {
  std::string channel;
  std::string event;
  std::string data;
  std::string tags = {};    // JSON text of an object of texts; empty: none
  std::string except = {};  // socket id of a connection that does not get it; empty: none
};

struct RestReply {
  int status = 0;  // 0: no answer came, `body` says why
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

// Publishes and asks through the signed REST API, on one kept and pipelined connection; requests
// arrive in the order of the calls. Lives on `loop`; callbacks run there, once each, never inside
// the call. Its caller bounds what is in flight. Not destroyed inside its own callbacks.
class RestClient {
 public:
  using Done = base::Function<void(RestReply)>;

  RestClient(net::Loop& loop, RestOptions options);
  ~RestClient();

  void publish(const RestEvent& event, Done done);
  // POST batch_events; at most max_event_batch_size (10 by default) events.
  void publish_batch(std::span<const RestEvent> events, Done done);
  // `resource` below /apps/{id}: "/channels". Parameters are not encoded yet.
  void get(std::string_view resource, std::vector<std::pair<std::string, std::string>> parameters,
           Done done);
  // A signed POST of any body: "/users/u/terminate_connections".
  void order(std::string_view resource, std::string body, Done done);
  // An unsigned POST of any body: for servers without apps (the floor of the benchmarks).
  void post(const std::string& path, std::string body, Done done);
  std::size_t in_flight() const;

 private:
  struct State;
  void send(std::string_view method, std::string_view resource,
            const std::vector<std::pair<std::string, std::string>>& parameters, std::string body,
            Done done);
  static http::Client::Done reply_to(Done done);

  std::unique_ptr<State> state_;
};

}  // namespace mr::client
