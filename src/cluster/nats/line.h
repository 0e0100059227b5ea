#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "base/function.h"
#include "cluster/nats/options.h"
#include "cluster/nats/session.h"
#include "net/loop.h"
#include "net/system_clock.h"
#include "net/worker_thread.h"

namespace mr::cluster::nats {

// A connection of a Line; a later one has a higher number.
enum class ConnectionNumber : std::uint64_t { kNone = 0 };

// What a Line tells its owner, on the Line's thread.
class LineEvents {
 public:
  // It is gone: the session has ended, and subscriptions of it end without words to the server.
  virtual void on_lost(ConnectionNumber connection, const std::string& why) = 0;
  // The server did not take something, in its own words; the connection goes on.
  virtual void on_error(const std::string& error) = 0;

 protected:
  ~LineEvents() = default;
};

// A connection of libnats, and the next one when its owner asks. Calls of libnats may block (a
// publish too, when the server hangs), so they run in order on a thread of the Line's own: run() is
// for any thread, all else for that thread.
class Line {
 public:
  // `home` is the loop of whoever owns it.
  Line(net::Loop& home, NatsOptions options, LineEvents& events);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  // By its owner, once, before that ends: what is asked for is done, then `last`, and no thread of
  // libnats reports any more.
  void end(base::Task last);

  const NatsOptions& options() const { return options_; }
  void run(base::Task work);

  // Null: there is none.
  Session* session() { return session_.get(); }
  // Of the last session.
  ConnectionNumber number() const { return number_; }
  // False: no connection came up; refusal() says why. Soon after the last try it is not tried anew.
  bool connect();
  const std::string& refusal() const { return refusal_; }
  // Nothing when it is another connection than the present one.
  void lose(ConnectionNumber connection, const std::string& why);

 private:
  Session::Reports reports(ConnectionNumber connection);

  net::Loop& home_;
  const NatsOptions options_;
  LineEvents& events_;
  const net::SystemClock clock_;

  std::unique_ptr<Session> session_;
  ConnectionNumber number_ = ConnectionNumber::kNone;
  base::TimePoint tried_{};
  std::string refusal_;

  std::shared_ptr<void> lease_;
  std::future<void> ended_;  // no lease is out any more
  net::WorkerThread worker_;
};

}  // namespace mr::cluster::nats
