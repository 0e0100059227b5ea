#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "cluster/nats/options.h"

struct __natsConnection;
struct __natsSubscription;

namespace mr::cluster::nats {

// One connection of libnats, from its first packet to its end: it never connects again by itself.
// Calls may block for a while, so all of them belong to one thread that may wait. Reports and
// messages come on threads of libnats.
class Session {
 public:
  enum class Errc : std::uint8_t { kConnect };
  enum class Sent : std::uint8_t { kYes, kTooLarge, kBroken };
  struct Reports {
    base::Function<void()> on_ended;             // once, also after its own end
    base::Function<void(std::string)> on_error;  // in the words of the server, which goes on
    base::Function<void()> on_slow;              // libnats dropped messages
    std::shared_ptr<void> lease = {};            // held while a report or a message may still come
  };
  using OnMessage = base::Function<void(std::string_view subject, std::string_view bytes)>;
  enum class AskErrc : std::uint8_t { kTimeout, kNoResponder, kBroken };
  struct Outgoing {
    std::string subject;
    std::string reply;  // where answers go; empty: nowhere
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string bytes{};
  };

  // The detail of an error names addresses, reason and remedy.
  static base::Result<std::unique_ptr<Session>, Errc> connect(const NatsOptions& options,
                                                              Reports reports);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Tries for a second at most to write what waits.
  ~Session();

  // "127.0.0.1:4222"
  const std::string& where() const { return where_; }
  // Of one message, as the server said.
  std::size_t payload_bytes_max() const;
  __natsConnection* raw() const { return connection_; }
  // Written at once.
  Sent publish(const std::string& subject, std::string_view bytes);
  Sent publish(const Outgoing& message);
  // Waits for the answer.
  base::Result<std::string, AskErrc> ask(const std::string& subject, std::string_view bytes,
                                         base::Duration patience);
  // The server answers within that time.
  bool is_answering(base::Duration patience);

  // Ends with this object, or with the connection.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept
        : subscription_(std::exchange(other.subscription_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(subscription_, other.subscription_);
      return *this;
    }
    ~Subscription();

   private:
    friend class Session;
    explicit Subscription(__natsSubscription* subscription) : subscription_(subscription) {}
    __natsSubscription* subscription_ = nullptr;
  };
  // Messages of all subscriptions of a process come on one thread, in the order in which the
  // connection got them. `on_message` goes when no call of it can come. What the server does not
  // allow is told by on_error.
  Subscription subscribe(const std::string& subject, OnMessage on_message);

 private:
  Session(__natsConnection* connection, std::string where, std::shared_ptr<void> lease)
      : connection_(connection), where_(std::move(where)), lease_(std::move(lease)) {}

  __natsConnection* connection_;
  const std::string where_;
  const std::shared_ptr<void> lease_;
};

}  // namespace mr::cluster::nats
