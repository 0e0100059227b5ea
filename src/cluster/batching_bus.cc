#include "cluster/batching_bus.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kRetry = std::chrono::milliseconds(50);  // of what the bus did not take
constexpr std::size_t kBatchCost = 64;  // header, fields and signature, at most

// Somebody waits for everything else: for a marker, or for the proof that a partition is heard.
bool may_wait(std::string_view envelope) {
  return peek_kind(envelope) == Kind::kData && peek_priority(envelope) < model::kCriticalPriority;
}

}  // namespace

BatchingBus::BatchingBus(net::Loop& loop, const Options& options, BootId self, BusEvents& to)
    : loop_(loop), options_(options.batches), self_(self), to_(to), codec_(options.secret) {
  if (options_.compresses) deflater_.emplace();
}

BatchingBus::~BatchingBus() {
  stop();
  *alive_ = false;
}

void BatchingBus::stop() {
  if (!bus_) return;
  if (is_open_) flush();
  is_open_ = false;
  forget();
  bus_->stop();
}

void BatchingBus::on_open() {
  is_open_ = true;
  to_.on_open();
}

// As with what a bus has taken and not written, what waited is lost; it was numbered before.
void BatchingBus::on_lost(std::string_view why) {
  is_open_ = false;
  forget();
  to_.on_lost(why);
}

void BatchingBus::forget() {
  waiting_.clear();
  subjects_.clear();
  waiting_bytes_ = 0;
  if (timer_ != net::TimerId::kNone) loop_.cancel(std::exchange(timer_, net::TimerId::kNone));
}

// --- in ----------------------------------------------------------------------------------------

// Whoever is behind refuses and counts what cannot be read.
void BatchingBus::on_envelope(Subject subject, std::string_view bytes) {
  if (peek_kind(bytes) != Kind::kBatch) return to_.on_envelope(subject, bytes);
  const auto read = codec_.decode(bytes);
  const auto* const batch = read ? std::get_if<BatchMessage>(&read.value().message) : nullptr;
  if (batch == nullptr) return to_.on_envelope(subject, bytes);
  std::string_view rest = batch->envelopes;
  while (is_open_) {
    const std::optional<std::string_view> entry = take_entry(rest);
    if (!entry) return;
    to_.on_envelope(subject, *entry);
  }
}

// --- out ---------------------------------------------------------------------------------------

bool BatchingBus::publish(Subject subject, std::string_view envelope) {
  if (!is_open_) return false;
  const bool is_batched =
      options_.is_on && options_.envelopes_max > 1 && subject != Subject::kControl;
  return is_batched ? wait(subject, envelope) : send_one(subject, envelope);
}

bool BatchingBus::wait(Subject subject, std::string_view envelope) {
  const bool is_urgent = !may_wait(envelope);
  if (is_urgent && MR_PLANTED("marker_overtakes_batch")) return send_one(subject, envelope);
  const std::size_t size = entry_size(envelope);
  if (waiting_bytes_ + size > kWaitingBytesMax) send_all();
  Waiting& waiting = waiting_[number_of(subject)];
  const bool is_full = waiting.envelopes.size() + size > batch_bytes_max();
  if (waiting.count > 0 && (waiting.is_stuck || is_full) && !send(subject, waiting)) return false;
  const bool goes_alone = is_urgent || size > batch_bytes_max();
  if (waiting.count == 0 && goes_alone) return send_one(subject, envelope);
  if (waiting.count++ == 0) subjects_.push_back(subject);
  append_entry(waiting.envelopes, envelope);
  waiting.bytes += envelope.size();
  waiting_bytes_ += size;
  if (is_urgent || waiting.count >= options_.envelopes_max) {
    send(subject, waiting);
  } else {
    send_later();
  }
  return true;
}

// False: the bus did not take it; it waits on, and is tried again.
bool BatchingBus::send(Subject subject, Waiting& waiting) {
  waiting.is_stuck = !send_packed(subject, waiting);
  if (waiting.is_stuck) {
    if (timer_ == net::TimerId::kNone) send_after(std::max(options_.interval, kRetry));
    return false;
  }
  waiting_bytes_ -= waiting.envelopes.size();
  waiting = {};
  std::erase(subjects_, subject);
  return true;
}

bool BatchingBus::send_one(Subject subject, std::string_view envelope) {
  if (!deflater_ || envelope.size() < kCompressFrom) {
    return hand_on(subject, envelope, {{}, 1, envelope.size()});
  }
  Waiting alone;
  append_entry(alone.envelopes, envelope);
  alone.count = 1;
  alone.bytes = envelope.size();
  return send_packed(subject, alone);
}

bool BatchingBus::send_packed(Subject subject, const Waiting& waiting) {
  BatchMessage batch;
  const std::size_t size = waiting.envelopes.size();
  if (deflater_ && size >= kCompressFrom && size <= kEnvelopeBytesMax) {
    batch.deflated = deflater_->deflate(waiting.envelopes);
  }
  if (!batch.deflated.empty()) {
    batch.size = size;
  } else if (waiting.count > 1) {
    batch.envelopes = waiting.envelopes;
  }
  std::string_view rest = waiting.envelopes;
  const std::string_view first = take_entry(rest).value_or(std::string_view{});
  const bool is_packed = waiting.count > 1 || !batch.deflated.empty();
  const std::string packed =
      is_packed ? codec_.encode({self_, 1, std::move(batch)}) : std::string{};
  const bool is_shorter = is_packed && packed.size() < first.size();
  return hand_on(subject, waiting.count > 1 || is_shorter ? packed : first, waiting);
}

bool BatchingBus::hand_on(Subject subject, std::string_view bytes, const Waiting& what) {
  if (!bus_->publish(subject, bytes)) return false;
  ++totals_.sent_messages;
  totals_.sent_envelopes += what.count;
  totals_.sent_bytes += bytes.size();
  totals_.envelope_bytes += what.bytes;
  return true;
}

void BatchingBus::send_all() {
  for (const Subject subject : std::vector<Subject>(subjects_)) {
    send(subject, waiting_[number_of(subject)]);
  }
}

void BatchingBus::send_later() {
  if (options_.interval > base::Duration{}) {
    if (timer_ == net::TimerId::kNone) send_after(options_.interval);
    return;
  }
  if (std::exchange(is_deferred_, true)) return;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    is_deferred_ = false;
    if (is_open_) flush();
  });
}

void BatchingBus::send_after(base::Duration delay) {
  timer_ = loop_.after(delay, [this] {
    timer_ = net::TimerId::kNone;
    flush();
  });
}

void BatchingBus::flush() {
  send_all();
  bus_->flush();
}

std::size_t BatchingBus::batch_bytes_max() const {
  return std::min(kBatchBytesMax, std::max(payload_bytes_max(), kBatchCost)) - kBatchCost;
}

BusTotals BatchingBus::totals() const {
  BusTotals totals = bus_->totals();
  totals.sent_messages = totals_.sent_messages;
  totals.sent_envelopes = totals_.sent_envelopes;
  totals.sent_bytes = totals_.sent_bytes;
  totals.envelope_bytes = totals_.envelope_bytes;
  return totals;
}

}  // namespace mr::cluster
