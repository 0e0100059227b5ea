#include "cluster/redis/redis_bus.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cluster/redis/error_text.h"

namespace mr::cluster::redis {

RedisBus::Link::Link(RedisBus& bus)
    : connection(bus.loop_, bus.resolver_, bus.options_, *this), bus_(bus) {}

RedisBus::RedisBus(net::Loop& loop, net::Resolver& resolver, RedisOptions options,
                   BusEvents& events)
    : loop_(loop),
      resolver_(resolver),
      options_(std::move(options)),
      events_(events),
      names_(options_) {}

void RedisBus::start() {
  if (std::exchange(is_started_, true)) return;
  wait_ = options_.retry_min;
  open();
}

void RedisBus::stop() {
  is_started_ = is_open_ = was_lost_ = false;
  told_.clear();
  if (retry_ != net::TimerId::kNone) loop_.cancel(std::exchange(retry_, net::TimerId::kNone));
  subscriber_.connection.close();
  publisher_.connection.close();
}

void RedisBus::open() {
  subscriber_.connection.open();
  publisher_.connection.open();
}

void RedisBus::link_ready() {
  if (!subscriber_.connection.is_ready() || !publisher_.connection.is_ready()) return;
  is_open_ = true;
  told_.clear();
  opened_at_ = loop_.clock().now();
  if (was_lost_) ++counters_.reconnects;
  events_.on_open();
}

void RedisBus::lose(const std::string& why) {
  subscriber_.connection.close();
  publisher_.connection.close();
  const bool was_open = std::exchange(is_open_, false);
  was_lost_ = true;
  // One that is lost as soon as it is open is tried more and more seldom.
  if (was_open && loop_.clock().now() - opened_at_ > options_.retry_max) wait_ = options_.retry_min;
  retry_later();
  counters_.last_error = why;
  if (!was_open && why == told_) return;
  told_ = why;
  events_.on_lost(why);
}

void RedisBus::retry_later() {
  const auto half = static_cast<std::uint64_t>((wait_ / 2).count());
  const base::Duration delay = wait_ / 2 + base::Duration(loop_.random().below(half + 1));
  wait_ = std::min(wait_ * 2, options_.retry_max);
  retry_ = loop_.after(delay, [this] {
    retry_ = net::TimerId::kNone;
    open();
  });
}

void RedisBus::subscribe(Subject subject, Generation generation) {
  if (!is_open_) return;
  subscriber_.connection.subscription("SUBSCRIBE", names_.name_of(subject),
                                      [this, subject, generation](const Reply& reply) {
                                        if (confirmed(reply, "SUBSCRIBE"))
                                          events_.on_subscribed(subject, generation);
                                      });
}

void RedisBus::unsubscribe(Subject subject) {
  if (!is_open_) return;
  subscriber_.connection.subscription(
      "UNSUBSCRIBE", names_.name_of(subject),
      [this](const Reply& reply) { confirmed(reply, "UNSUBSCRIBE"); });
}

bool RedisBus::confirmed(const Reply& reply, std::string_view command) {
  if (reply.is_error()) {
    lose(explain("Redis at " + subscriber_.connection.where(), command, reply.text, options_));
  }
  return reply.kind == Reply::Kind::kArray;
}

bool RedisBus::publish(Subject subject, std::string_view envelope) {
  if (!is_open_) return false;
  const std::string name = names_.name_of(subject);
  const std::array<std::string_view, 3> args{"PUBLISH", name, envelope};
  const bool is_taken =
      publisher_.connection.command(args, [this](const Reply& reply) { published(reply); });
  if (!is_taken) ++counters_.refused_full;
  return is_taken;
}

void RedisBus::published(const Reply& reply) {
  if (!reply.is_error()) return;
  ++counters_.publish_errors;
  counters_.last_error =
      explain("Redis at " + publisher_.connection.where(), "PUBLISH", reply.text, options_);
}

void RedisBus::flush() {
  subscriber_.connection.flush();
  publisher_.connection.flush();
}

std::size_t RedisBus::queued_bytes() const {
  return subscriber_.connection.queued_bytes() + publisher_.connection.queued_bytes();
}

void RedisBus::pushed(const Reply& push) {
  if (push.elements[0].text != "message") return;
  const std::optional<Subject> subject = names_.subject_of(push.elements[1].text);
  if (!subject) {
    ++counters_.strays;
    return;
  }
  events_.on_envelope(*subject, push.elements[2].text);
}

}  // namespace mr::cluster::redis
