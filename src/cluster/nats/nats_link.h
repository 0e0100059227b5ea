#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function.h"
#include "cluster/nats/line.h"
#include "cluster/nats/options.h"
#include "cluster/nats/session.h"
#include "cluster/types.h"
#include "net/loop.h"

namespace mr::cluster::nats {

// What a Link tells one loop's bus, on its loop, never inside a call.
class LinkEvents {
 public:
  // The answer to a dial, or else: no connection came up.
  // `payload_bytes_max`: what the server takes in one message.
  virtual void on_attached(ConnectionNumber connection, const std::string& where,
                           std::size_t payload_bytes_max) = 0;
  virtual void on_refused(const std::string& why) = 0;
  // It is gone, for all buses of the Link.
  virtual void on_lost(ConnectionNumber connection, const std::string& why) = 0;
  // A token came back: all that was asked of the server before it has been done there.
  virtual void on_echo(ConnectionNumber connection, std::uint64_t token) = 0;
  virtual void on_message(std::uint64_t number, Subject subject, std::string_view bytes) = 0;
  // A batch of this cost goes to the kernel now.
  virtual void on_written(ConnectionNumber connection, std::size_t cost) = 0;
  // The server, or the library, did not take something; the connection goes on.
  virtual void on_error(const std::string& why) = 0;
  // Messages for this bus found no room here.
  virtual void on_overrun() = 0;

 protected:
  ~LinkEvents() = default;
};

// Where a Link's reports to one bus go. Shared by all who may still report.
struct Port {
  net::Loop& loop;
  LinkEvents* events;        // the loop's; null: nobody listens any more
  std::string echo_subject;  // no other port has it
  std::size_t mailbox_bytes_max;
  bool is_overrun = false;  // of the thread on which libnats delivers
};
using PortRef = std::shared_ptr<Port>;

// A node's one connection to NATS for the buses of all its loops. Every method only hands over to
// its Line, and is for any loop. What belongs to another connection than the present one does
// nothing. Outlived by the loops, and longer alive than the ports in use.
//
// A token that is published on the port's own subject comes back on the same connection after the
// server has worked on all that was sent before it, in order: as a PONG, but without waiting here.
class NatsLink final : private LineEvents {
 public:
  struct Batch {
    static constexpr std::size_t kEnvelopeCost = 32;  // beside its bytes
    std::string bytes;
    std::vector<std::pair<Subject, std::size_t>> envelopes;  // with the length of each
    std::size_t cost() const { return bytes.size() + envelopes.size() * kEnvelopeCost; }
  };
  struct Wish {
    Subject subject;
    std::uint64_t number;  // told with each message
    std::uint64_t token;
  };

  // `home` is the loop of whoever owns it.
  NatsLink(net::Loop& home, NatsOptions options);
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;
  // Waits until no thread of libnats can report any more.
  ~NatsLink();

  const NatsOptions& options() const { return line_.options(); }

  // Connects if nothing stands, begins anew for this port, and sends the token: on_attached, or
  // on_refused.
  void dial(PortRef port, std::uint64_t token);
  // Of a subject that has one it is a new one.
  void subscribe(PortRef port, ConnectionNumber connection, Wish wish);
  void unsubscribe(PortRef port, ConnectionNumber connection, Subject subject);
  void probe(PortRef port, ConnectionNumber connection, std::uint64_t token);
  void publish(PortRef port, ConnectionNumber connection, Batch batch);
  // The connection is lost to all.
  void drop(ConnectionNumber connection, std::string why);
  void detach(PortRef port);

 private:
  struct Attached {
    PortRef port;
    Session::Subscription echo;
    std::map<Subject, Session::Subscription> subjects;
  };

  void on_lost(ConnectionNumber connection, const std::string& why) override;
  void on_error(const std::string& error) override;
  void attach(const PortRef& port, std::uint64_t token);
  void forget(const PortRef& port);
  Attached* attached(const PortRef& port, ConnectionNumber connection);
  void send(const PortRef& port, ConnectionNumber connection, const Batch& batch);
  void send_token(const PortRef& port, std::uint64_t token);
  std::string name_of(Subject subject) const;

  std::vector<Attached> ports_;  // the Line's thread's
  Line line_;
};

}  // namespace mr::cluster::nats
