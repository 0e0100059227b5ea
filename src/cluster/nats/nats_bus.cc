#include "cluster/nats/nats_bus.h"

#include <algorithm>
#include <utility>

#include "cluster/nats/error_text.h"

namespace mr::cluster::nats {
namespace {

// What goes to the Link as one piece, so that the bound of the queue holds while it is written.
constexpr std::size_t kBatchBytes = 64 * 1024;

std::string hexadecimal(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[number >> shift & 15];
  return text;
}

}  // namespace

NatsBus::NatsBus(net::Loop& loop, NatsLink& link, BusEvents& events, std::size_t mailbox_bytes_max)
    : loop_(loop), link_(link), events_(events), mailbox_bytes_max_(mailbox_bytes_max) {}

void NatsBus::start() {
  if (port_) return;
  port_ = std::make_shared<Port>(
      Port{loop_, this, link_.options().prefix + ".bus.echo." + hexadecimal(loop_.random().next()),
           mailbox_bytes_max_});
  alive_ = std::make_shared<bool>(true);
  tick();
}

void NatsBus::stop() {
  if (!port_) return;
  flush();
  *alive_ = false;
  loop_.cancel(timer_);
  port_->events = nullptr;
  link_.detach(std::exchange(port_, nullptr));
  close();
  is_flush_scheduled_ = was_lost_ = false;
  told_.clear();
}

void NatsBus::close() {
  connection_ = ConnectionNumber::kNone;
  is_open_ = is_probed_ = false;
  dialled_ = 0;
  unconfirmed_.clear();
  oldest_.clear();
  batch_ = {};
  queued_ = 0;
}

// --- the connection ----------------------------------------------------------------------------

void NatsBus::tick() {
  const base::Duration period = std::min(link_.options().retry, link_.options().silence / 8);
  timer_ = loop_.after(period, [this] { tick(); });
  const base::TimePoint now = loop_.clock().now();
  // Paused is who ticks late: not the server was silent.
  if (now - ticked_ > 2 * period) heard_ = now;
  ticked_ = now;
  if (connection_ != ConnectionNumber::kNone) return check_silence(now);
  if (dialled_ == 0) link_.dial(port_, dialled_ = ++tokens_);
}

void NatsBus::check_silence(base::TimePoint now) {
  const base::Duration silent = now - heard_;
  if (silent >= link_.options().silence) {
    const std::string why = "NATS at " + where_ + " was silent for " +
                            std::to_string(link_.options().silence / std::chrono::milliseconds(1)) +
                            " ms: it hangs, or the network between is cut";
    link_.drop(connection_, why);
    return lose(why);
  }
  if (silent < link_.options().silence / 2 || is_probed_) return;
  is_probed_ = true;
  link_.probe(port_, connection_, ++tokens_);
}

void NatsBus::on_attached(ConnectionNumber connection, const std::string& where,
                          std::size_t payload_bytes_max) {
  heard_ = loop_.clock().now();
  connection_ = connection;
  where_ = where;
  payload_bytes_max_ = payload_bytes_max;
}

void NatsBus::on_refused(const std::string& why) { lose(why); }

void NatsBus::on_lost(ConnectionNumber connection, const std::string& why) {
  if (connection == connection_) lose(why);
}

void NatsBus::on_echo(ConnectionNumber connection, std::uint64_t token) {
  if (connection != connection_) return;
  heard_ = loop_.clock().now();
  is_probed_ = false;
  if (is_open_) return confirm(token);
  if (token == dialled_) opened();
}

void NatsBus::opened() {
  dialled_ = 0;
  is_open_ = true;
  told_.clear();
  if (was_lost_) ++counters_.reconnects;
  events_.on_open();
}

void NatsBus::lose(const std::string& why) {
  const bool was_open = is_open_;
  close();
  was_lost_ = true;
  counters_.last_error = why;
  if (!was_open && why == told_) return;
  told_ = why;
  events_.on_lost(why);
}

void NatsBus::on_error(const std::string& why) {
  counters_.last_error = why;
  ++counters_.publish_errors;
  // Its token will not come back.
  if (!is_open_ && connection_ != ConnectionNumber::kNone) lose(why);
}

// What was dropped is known to nobody: all that this bus heard of is in doubt.
void NatsBus::on_overrun() {
  ++counters_.overruns;
  if (!is_open_) return;
  link_.detach(port_);
  lose("messages of NATS at " + where_ +
       " came faster than this node's loop took them, and some were dropped: give it more cores, "
       "or spread its clients over more nodes");
}

// --- subscriptions -----------------------------------------------------------------------------

void NatsBus::subscribe(Subject subject, Generation generation) {
  if (!is_open_) return;
  const NatsLink::Wish wish{subject, ++numbers_, ++tokens_};
  oldest_.try_emplace(subject, wish.number);
  unconfirmed_.push_back({wish.token, subject, generation});
  link_.subscribe(port_, connection_, wish);
}

void NatsBus::unsubscribe(Subject subject) {
  if (!is_open_) return;
  oldest_.erase(subject);
  link_.unsubscribe(port_, connection_, subject);
}

// Tokens come back in their order.
void NatsBus::confirm(std::uint64_t token) {
  const auto alive = alive_;
  const ConnectionNumber connection = connection_;
  while (!unconfirmed_.empty() && unconfirmed_.front().token <= token) {
    const Unconfirmed front = unconfirmed_.front();
    unconfirmed_.pop_front();
    events_.on_subscribed(front.subject, front.generation);
    if (!*alive || connection != connection_) return;
  }
}

void NatsBus::on_message(std::uint64_t number, Subject subject, std::string_view bytes) {
  heard_ = loop_.clock().now();
  const auto oldest = oldest_.find(subject);
  if (oldest == oldest_.end() || number < oldest->second) return;
  events_.on_envelope(subject, bytes);
}

// --- publishing --------------------------------------------------------------------------------

bool NatsBus::publish(Subject subject, std::string_view envelope) {
  if (!is_open_) return false;
  const std::size_t bytes = envelope.size() + NatsLink::Batch::kEnvelopeCost;
  if (queued_ + bytes > link_.options().queue_bytes_max) {
    ++counters_.refused_full;
    return false;
  }
  queued_ += bytes;
  batch_.bytes.append(envelope);
  batch_.envelopes.emplace_back(subject, envelope.size());
  if (batch_.bytes.size() >= kBatchBytes) {
    flush();
  } else if (!std::exchange(is_flush_scheduled_, true)) {
    loop_.defer([this, alive = alive_] {
      if (!*alive) return;
      is_flush_scheduled_ = false;
      flush();
    });
  }
  return true;
}

void NatsBus::flush() {
  if (batch_.envelopes.empty()) return;
  link_.publish(port_, connection_, std::exchange(batch_, {}));
}

void NatsBus::on_written(ConnectionNumber connection, std::size_t cost) {
  if (connection == connection_) queued_ -= cost;
}

}  // namespace mr::cluster::nats
