#include "app/bus_probe.h"

#include <utility>

namespace mr::app {

BusProbe::BusProbe(net::Loop& loop, BusSource& source, std::string_view secret,
                   std::vector<cluster::Subject> subjects)
    : loop_(loop),
      source_(source),
      codec_(secret),
      boot_{loop.random().next() | 1},
      subjects_(std::move(subjects)) {}

void BusProbe::start(base::Function<void(Report)> done) {
  done_ = std::move(done);
  bus_ = source_.make_bus(loop_, *this);
  deadline_ = loop_.after(kDeadline, [this] { finish(); });
  report_.problem = "the broker does not answer";
  patience_ = loop_.after(2 * kPatience, [this] { finish(); });
  bus_->start();
}

void BusProbe::on_open() {
  report_.problem.clear();
  subscribe();
}

void BusProbe::on_lost(std::string_view why) {
  report_.problem = why;
  end_soon();
}

void BusProbe::subscribe() {
  loop_.cancel(patience_);
  if (at_ == subjects_.size()) {
    end_soon();
    return;
  }
  is_sent_ = false;
  patience_ = loop_.after(kPatience, [this] { next(std::nullopt); });
  bus_->subscribe(subjects_[at_], static_cast<cluster::Generation>(++generation_));
  bus_->flush();
}

void BusProbe::on_subscribed(cluster::Subject subject, cluster::Generation generation) {
  if (at_ == subjects_.size() || subject != subjects_[at_] || is_sent_) return;
  if (generation != static_cast<cluster::Generation>(generation_)) return;
  cluster::Envelope envelope;
  envelope.from = boot_;
  envelope.message = cluster::ProbeMessage{};
  is_sent_ = true;
  sent_ = loop_.clock().now();
  bus_->publish(subject, codec_.encode(envelope));
  bus_->flush();
}

void BusProbe::on_envelope(cluster::Subject subject, std::string_view bytes) {
  if (at_ == subjects_.size() || subject != subjects_[at_] || !is_sent_) return;
  const base::TimePoint now = loop_.clock().now();
  const auto envelope = codec_.decode(bytes);
  if (envelope && envelope.value().from == boot_) next(now - sent_);
}

void BusProbe::next(std::optional<base::Duration> round_trip) {
  report_.results.push_back({subjects_[at_], round_trip});
  bus_->unsubscribe(subjects_[at_]);
  ++at_;
  subscribe();
}

// Not inside a report of the bus, which ends with it.
void BusProbe::end_soon() {
  loop_.cancel(patience_);
  patience_ = loop_.after(base::Duration::zero(), [this] { finish(); });
}

void BusProbe::finish() {
  if (bus_ == nullptr) return;
  stop();
  std::exchange(done_, {})(std::move(report_));
}

void BusProbe::stop() {
  if (bus_ == nullptr) return;
  loop_.cancel(patience_);
  loop_.cancel(deadline_);
  bus_->stop();
  bus_.reset();
}

}  // namespace mr::app
