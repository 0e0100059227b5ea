#include "cluster/nats/nats_link.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <charconv>

#include "cluster/nats/error_text.h"

namespace mr::cluster::nats {
namespace {

// libnats' threads end their calls at once; whoever is late for so long never comes.
constexpr auto kEndPatience = std::chrono::seconds(5);

template <class Tell>
void tell(const PortRef& port, Tell message) {
  port->loop.post([port, message = std::move(message)] {
    if (port->events != nullptr) message(*port->events);
  });
}

void hand_on(const PortRef& port, std::uint64_t number, Subject subject, std::string_view bytes) {
  if (port->loop.mailbox_bytes() + bytes.size() > port->mailbox_bytes_max) {
    if (std::exchange(port->is_overrun, true)) return;
    return tell(port, [](LinkEvents& events) { events.on_overrun(); });
  }
  port->is_overrun = false;
  port->loop.post(
      [port, number, subject, text = std::string(bytes)] {
        if (port->events != nullptr) port->events->on_message(number, subject, text);
      },
      bytes.size());
}

}  // namespace

NatsLink::NatsLink(net::Loop& home, NatsOptions options)
    : home_(home), options_(std::move(options)) {
  auto ended = std::make_shared<std::promise<void>>();
  ended_ = ended->get_future();
  lease_ = std::shared_ptr<void>(nullptr, [ended](void*) { ended->set_value(); });
  // Neither the worker nor libnats' threads, which come from it, take signals of the process: it
  // may not have said yet which of them it waits for.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  worker_.start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

NatsLink::~NatsLink() {
  run([this] {
    session_.reset();
    ports_.clear();
  });
  worker_.stop();
  lease_.reset();
  ended_.wait_for(kEndPatience);
}

void NatsLink::run(base::Task work) { worker_.submit(std::move(work), home_, nullptr); }

// --- for any loop ------------------------------------------------------------------------------

void NatsLink::dial(PortRef port, std::uint64_t token) {
  run([this, port = std::move(port), token] {
    if (session_ || connect()) return attach(port, token);
    tell(port, [why = refusal_](LinkEvents& events) { events.on_refused(why); });
  });
}

void NatsLink::subscribe(PortRef port, ConnectionNumber connection, Wish wish) {
  run([this, port = std::move(port), connection, wish] {
    Attached* const own = attached(port, connection);
    if (own == nullptr) return;
    // The old one ends first, so nothing comes twice.
    own->subjects.erase(wish.subject);
    own->subjects.emplace(
        wish.subject,
        session_->subscribe(name_of(wish.subject), [port, wish](std::string_view bytes) {
          hand_on(port, wish.number, wish.subject, bytes);
        }));
    send_token(port, wish.token);
  });
}

void NatsLink::unsubscribe(PortRef port, ConnectionNumber connection, Subject subject) {
  run([this, port = std::move(port), connection, subject] {
    if (Attached* const own = attached(port, connection)) own->subjects.erase(subject);
  });
}

void NatsLink::probe(PortRef port, ConnectionNumber connection, std::uint64_t token) {
  run([this, port = std::move(port), connection, token] {
    if (attached(port, connection) != nullptr) send_token(port, token);
  });
}

void NatsLink::publish(PortRef port, ConnectionNumber connection, Batch batch) {
  run([this, port = std::move(port), connection, batch = std::move(batch)] {
    if (attached(port, connection) != nullptr) send(port, connection, batch);
  });
}

void NatsLink::drop(ConnectionNumber connection, std::string why) {
  run([this, connection, why = std::move(why)] { lose(connection, why); });
}

void NatsLink::detach(PortRef port) {
  run([this, port = std::move(port)] { forget(port); });
}

// --- on the worker -----------------------------------------------------------------------------

// All buses ask, and one try serves them.
bool NatsLink::connect() {
  const base::TimePoint now = clock_.now();
  if (!refusal_.empty() && now - tried_ < options_.retry / 2) return false;
  connection_ = static_cast<ConnectionNumber>(static_cast<std::uint64_t>(connection_) + 1);
  auto session = Session::connect(options_, reports(connection_));
  tried_ = clock_.now();
  if (!session) {
    refusal_ = session.error().detail;
    return false;
  }
  refusal_.clear();
  session_ = std::move(session).value();
  return true;
}

// Threads of libnats call these.
Session::Reports NatsLink::reports(ConnectionNumber connection) {
  return {[this, connection] {
            run([this, connection] {
              if (!session_) return;
              lose(connection, "NATS at " + session_->where() +
                                   " closed the connection: it stopped, or cut us off (its log "
                                   "says, such as for being a slow consumer)");
            });
          },
          [this, connection](std::string error) {
            run([this, connection, error = std::move(error)] { server_said(connection, error); });
          },
          [this, connection] {
            run([this, connection] {
              lose(connection,
                   "messages of NATS came faster than they could be taken, and some were dropped: "
                   "give this node more cores, or spread its clients over more nodes");
            });
          },
          lease_};
}

void NatsLink::attach(const PortRef& port, std::uint64_t token) {
  forget(port);
  tell(port, [connection = connection_, where = session_->where()](LinkEvents& events) {
    events.on_attached(connection, where);
  });
  ports_.push_back({port, {}, {}});
  ports_.back().echo = session_->subscribe(
      port->echo_subject, [port, connection = connection_](std::string_view bytes) {
        std::uint64_t came = 0;
        std::from_chars(bytes.data(), bytes.data() + bytes.size(), came);
        tell(port, [connection, came](LinkEvents& events) { events.on_echo(connection, came); });
      });
  send_token(port, token);
}

void NatsLink::forget(const PortRef& port) {
  std::erase_if(ports_, [&port](const Attached& each) { return each.port == port; });
}

NatsLink::Attached* NatsLink::attached(const PortRef& port, ConnectionNumber connection) {
  if (!session_ || connection != connection_) return nullptr;
  const auto at = std::ranges::find(ports_, port, &Attached::port);
  return at == ports_.end() ? nullptr : &*at;
}

void NatsLink::send(const PortRef& port, ConnectionNumber connection, const Batch& batch) {
  tell(port, [connection, cost = batch.cost()](LinkEvents& events) {
    events.on_written(connection, cost);
  });
  std::string_view rest = batch.bytes;
  for (const auto& [subject, length] : batch.envelopes) {
    const Session::Sent sent = session_->publish(name_of(subject), rest.substr(0, length));
    rest.remove_prefix(length);
    if (sent == Session::Sent::kBroken) {
      return lose(connection, "NATS at " + session_->where() +
                                  " takes nothing more: it hangs, or the network between is cut");
    }
    if (sent == Session::Sent::kYes) continue;
    tell(port,
         [why = "NATS at " + session_->where() + " takes no envelope of " + std::to_string(length) +
                " bytes: raise max_payload there"](LinkEvents& events) { events.on_error(why); });
  }
}

void NatsLink::send_token(const PortRef& port, std::uint64_t token) {
  if (session_->publish(port->echo_subject, std::to_string(token)) == Session::Sent::kBroken) {
    lose(connection_, "NATS at " + session_->where() + " takes nothing more: it hangs");
  }
}

void NatsLink::lose(ConnectionNumber connection, const std::string& why) {
  if (!session_ || connection != connection_) return;
  for (const Attached& each : ports_) {
    tell(each.port, [connection, why](LinkEvents& events) { events.on_lost(connection, why); });
  }
  // The connection first: subscriptions then end without words to a server that may hang.
  session_.reset();
  ports_.clear();
}

// A subscription that is refused hears nothing, and cannot be told from a silent one: a loss.
void NatsLink::server_said(ConnectionNumber connection, const std::string& error) {
  if (!session_ || connection != connection_) return;
  const std::string why = explain_error(session_->where(), error, options_);
  if (error.find("Subscription") != std::string::npos) return lose(connection, why);
  for (const Attached& each : ports_) {
    tell(each.port, [why](LinkEvents& events) { events.on_error(why); });
  }
}

std::string NatsLink::name_of(Subject subject) const {
  const std::string name =
      subject == Subject::kControl ? "control" : std::to_string(number_of(subject));
  return options_.prefix + ".bus." + name;
}

}  // namespace mr::cluster::nats
