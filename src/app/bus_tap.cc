#include "app/bus_tap.h"

#include <utility>

#include "app/envelope_json.h"

namespace mr::app {
namespace {

bool matches(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return true;
  if (!pattern.ends_with('*')) return text == pattern;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool is_wanted(const TailFilter& filter, const cluster::Envelope& envelope) {
  const auto kind = std::string(cluster::name_of(cluster::kind_of(envelope.message)));
  if (!filter.kinds.empty() && !filter.kinds.contains(kind)) return false;
  if (filter.app_id.empty() && filter.channel.empty()) return true;
  const auto* const event = std::get_if<cluster::EventMessage>(&envelope.message);
  return event != nullptr && matches(event->app_id, filter.app_id) &&
         matches(event->channel, filter.channel);
}

}  // namespace

BusTap::Seen BusTap::look(const TailFilter& filter) {
  filter_ = filter;
  watched_until_ = loop_.clock().now() + kWatch;
  bytes_ = 0;
  return std::exchange(seen_, {});
}

bool BusTap::publish(cluster::Subject subject, std::string_view envelope) {
  const bool is_taken = bus_->publish(subject, envelope);
  if (watched_until_ != base::TimePoint{}) keep(is_taken ? "out" : "refused", subject, envelope);
  return is_taken;
}

void BusTap::on_envelope(cluster::Subject subject, std::string_view envelope) {
  if (watched_until_ != base::TimePoint{}) keep("in", subject, envelope);
  to_.on_envelope(subject, envelope);
}

void BusTap::keep(std::string_view direction, cluster::Subject subject, std::string_view bytes) {
  if (loop_.clock().now() >= watched_until_) {
    watched_until_ = {};
    seen_ = {};
    return;
  }
  const bool is_full = seen_.lines.size() >= kLinesMax || bytes_ >= kBytesMax;
  const auto envelope = codec_.decode(bytes);
  const bool is_shown =
      envelope ? is_wanted(filter_, envelope.value())
               : filter_.app_id.empty() && filter_.channel.empty() && filter_.kinds.empty();
  if (!is_shown) return;
  if (is_full) {
    ++seen_.skipped;
    return;
  }
  const EnvelopePlace place{direction, subject, bytes.size(), loop_.clock().wall_now()};
  seen_.lines.push_back(envelope ? envelope_json(place, envelope.value(),
                                                 filter_.with_payloads ? kPayloadBytesMax : 0)
                                 : refused_json(place, envelope.error()));
  bytes_ += seen_.lines.back().size();
}

}  // namespace mr::app
