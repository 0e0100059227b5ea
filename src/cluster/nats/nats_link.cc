#include "cluster/nats/nats_link.h"

#include <algorithm>
#include <charconv>

#include "cluster/nats/error_text.h"

namespace mr::cluster::nats {
namespace {

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

NatsLink::NatsLink(net::Loop& home, NatsOptions options) : line_(home, std::move(options), *this) {}

NatsLink::~NatsLink() {
  line_.end([this] { ports_.clear(); });
}

// --- for any loop ------------------------------------------------------------------------------

void NatsLink::dial(PortRef port, std::uint64_t token) {
  line_.run([this, port = std::move(port), token] {
    // All buses ask, and one try serves them.
    if (line_.session() != nullptr || line_.connect()) return attach(port, token);
    tell(port, [why = line_.refusal()](LinkEvents& events) { events.on_refused(why); });
  });
}

void NatsLink::subscribe(PortRef port, ConnectionNumber connection, Wish wish) {
  line_.run([this, port = std::move(port), connection, wish] {
    Attached* const own = attached(port, connection);
    if (own == nullptr) return;
    // The old one ends first, so nothing comes twice.
    own->subjects.erase(wish.subject);
    own->subjects.emplace(wish.subject, line_.session()->subscribe(
                                            name_of(wish.subject),
                                            [port, wish](std::string_view, std::string_view bytes) {
                                              hand_on(port, wish.number, wish.subject, bytes);
                                            }));
    send_token(port, wish.token);
  });
}

void NatsLink::unsubscribe(PortRef port, ConnectionNumber connection, Subject subject) {
  line_.run([this, port = std::move(port), connection, subject] {
    if (Attached* const own = attached(port, connection)) own->subjects.erase(subject);
  });
}

void NatsLink::probe(PortRef port, ConnectionNumber connection, std::uint64_t token) {
  line_.run([this, port = std::move(port), connection, token] {
    if (attached(port, connection) != nullptr) send_token(port, token);
  });
}

void NatsLink::publish(PortRef port, ConnectionNumber connection, Batch batch) {
  line_.run([this, port = std::move(port), connection, batch = std::move(batch)] {
    if (attached(port, connection) != nullptr) send(port, connection, batch);
  });
}

void NatsLink::drop(ConnectionNumber connection, std::string why) {
  line_.run([this, connection, why = std::move(why)] { line_.lose(connection, why); });
}

void NatsLink::detach(PortRef port) {
  line_.run([this, port = std::move(port)] { forget(port); });
}

// --- on the worker -----------------------------------------------------------------------------

void NatsLink::attach(const PortRef& port, std::uint64_t token) {
  forget(port);
  tell(port, [connection = line_.number(), where = line_.session()->where(),
              payload_bytes_max = line_.session()->payload_bytes_max()](LinkEvents& events) {
    events.on_attached(connection, where, payload_bytes_max);
  });
  ports_.push_back({port, {}, {}});
  ports_.back().echo = line_.session()->subscribe(
      port->echo_subject,
      [port, connection = line_.number()](std::string_view, std::string_view bytes) {
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
  if (line_.session() == nullptr || connection != line_.number()) return nullptr;
  const auto at = std::ranges::find(ports_, port, &Attached::port);
  return at == ports_.end() ? nullptr : &*at;
}

void NatsLink::send(const PortRef& port, ConnectionNumber connection, const Batch& batch) {
  tell(port, [connection, cost = batch.cost()](LinkEvents& events) {
    events.on_written(connection, cost);
  });
  std::string_view rest = batch.bytes;
  for (const auto& [subject, length] : batch.envelopes) {
    const Session::Sent sent = line_.session()->publish(name_of(subject), rest.substr(0, length));
    rest.remove_prefix(length);
    if (sent == Session::Sent::kBroken) {
      return line_.lose(connection,
                        "NATS at " + line_.session()->where() +
                            " takes nothing more: it hangs, or the network between is cut");
    }
    if (sent == Session::Sent::kYes) continue;
    tell(port, [why = "NATS at " + line_.session()->where() + " takes no envelope of " +
                      std::to_string(length) + " bytes: raise max_payload there"](
                   LinkEvents& events) { events.on_error(why); });
  }
}

void NatsLink::send_token(const PortRef& port, std::uint64_t token) {
  if (line_.session()->publish(port->echo_subject, std::to_string(token)) ==
      Session::Sent::kBroken) {
    line_.lose(line_.number(),
               "NATS at " + line_.session()->where() + " takes nothing more: it hangs");
  }
}

void NatsLink::on_lost(ConnectionNumber connection, const std::string& why) {
  for (const Attached& each : ports_) {
    tell(each.port, [connection, why](LinkEvents& events) { events.on_lost(connection, why); });
  }
  ports_.clear();
}

// A subscription that is refused hears nothing, and cannot be told from a silent one: a loss.
void NatsLink::on_error(const std::string& error) {
  const std::string why = explain_error(line_.session()->where(), error, options());
  if (error.find("Subscription") != std::string::npos) return line_.lose(line_.number(), why);
  for (const Attached& each : ports_) {
    tell(each.port, [why](LinkEvents& events) { events.on_error(why); });
  }
}

std::string NatsLink::name_of(Subject subject) const {
  const std::string name =
      subject == Subject::kControl ? "control" : std::to_string(number_of(subject));
  return options().prefix + ".bus." + name;
}

}  // namespace mr::cluster::nats
