#include "cluster/nats/nats_store.h"

#include <algorithm>
#include <utility>

#include "cluster/nats/kv_names.h"

namespace mr::cluster::nats {
namespace {

// Base64 and JSON around what a server carries at most, 64 MiB.
constexpr std::size_t kAnswerBytesMax = 100 << 20;
// A reply that is missing for so long never comes.
constexpr auto kReplyPatience = std::chrono::seconds(10);
constexpr const char* kExpected = "Nats-Expected-Last-Subject-Sequence";

std::string hexadecimal(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[number >> shift & 15];
  return text;
}

}  // namespace

NatsStore::NatsStore(net::Loop& loop, KvLink& link)
    : loop_(loop),
      link_(link),
      requests_(loop),
      parser_(kAnswerBytesMax),
      problem_("there is no connection to NATS yet") {}

void NatsStore::start() {
  if (port_) return;
  port_ =
      std::make_shared<KvPort>(KvPort{loop_, this, "_INBOX." + hexadecimal(loop_.random().next())});
  alive_ = std::make_shared<bool>(true);
  tick();
}

void NatsStore::stop() {
  if (!port_) return;
  *alive_ = false;
  loop_.cancel(timer_);
  port_->events = nullptr;
  link_.detach(std::exchange(port_, nullptr));
  requests_.clear();
  lose("the store was stopped");
  is_dialling_ = false;
}

// --- the connection ----------------------------------------------------------------------------

void NatsStore::tick() {
  const base::Duration period = std::min(link_.options().retry, link_.options().silence / 8);
  timer_ = loop_.after(period, [this] { tick(); });
  const base::TimePoint now = loop_.clock().now();
  // Paused is who ticks late: not the server was silent.
  if (now - ticked_ > 2 * period) heard_ = now;
  ticked_ = now;
  while (!sent_.empty() && sent_.begin()->second.at + kReplyPatience < now) {
    sent_.erase(sent_.begin());
  }
  if (connection_ != ConnectionNumber::kNone) return check_silence(now);
  if (!std::exchange(is_dialling_, true)) link_.dial(port_);
}

void NatsStore::check_silence(base::TimePoint now) {
  const base::Duration silent = now - heard_;
  if (silent >= link_.options().silence) {
    const std::string why = "NATS at " + where_ + " was silent for " +
                            std::to_string(link_.options().silence / std::chrono::milliseconds(1)) +
                            " ms: it hangs, or the network between is cut";
    link_.drop(connection_, why);
    return lose(why);
  }
  if (silent < link_.options().silence / 2 || std::exchange(is_probed_, true)) return;
  // For a record that is never there: who reads nothing has nobody to tell.
  look({.subject = subjects_of(Space::kState) + "==="});
}

void NatsStore::on_open(ConnectionNumber connection, const std::string& where,
                        const KvLives& lives) {
  is_dialling_ = is_probed_ = false;
  heard_ = loop_.clock().now();
  connection_ = connection;
  where_ = where;
  source_ = loop_.random().next() | 1;
  lives_ = lives;
  highest_ = {};
  queued_ = 0;
  problem_.clear();
  refusal_.clear();
}

void NatsStore::on_refused(const std::string& why) {
  is_dialling_ = false;
  problem_ = why;
}

void NatsStore::on_lost(ConnectionNumber connection, const std::string& why) {
  if (connection == connection_) lose(why);
}

void NatsStore::lose(const std::string& why) {
  connection_ = ConnectionNumber::kNone;
  is_probed_ = false;
  problem_ = why;
  records_.clear();
  sent_.clear();
  requests_.fail_all(StoreRequests::Failure::kLost);
}

void NatsStore::on_written(ConnectionNumber connection, std::size_t cost) {
  if (connection == connection_) queued_ -= std::min(cost, queued_);
}

// --- requests ----------------------------------------------------------------------------------

void NatsStore::read(const RecordKey& key, OnAnswer done) {
  ask(key, {.verb = Verb::kRead}, {}, std::move(done));
}

void NatsStore::write(const RecordKey& key, std::string_view value, Revision expected,
                      OnAnswer done) {
  ask(key, {.verb = Verb::kWrite, .value = std::string(value)}, expected, std::move(done));
}

void NatsStore::erase(const RecordKey& key, Revision expected, OnAnswer done) {
  ask(key, {.verb = Verb::kErase}, expected, std::move(done));
}

bool NatsStore::next(Space space, std::uint64_t from, OnAnswer done) {
  ask({.verb = Verb::kNext, .space = space, .subject = subjects_of(space) + ">"},
      {std::max<std::uint64_t>(from, 1), source_}, std::move(done));
  return true;
}

std::string NatsStore::subjects_of(Space space) const {
  return "$KV." + bucket_name(link_.options().prefix, name_of(space)) + ".";
}

void NatsStore::ask(const RecordKey& key, Operation operation, Revision expected, OnAnswer done) {
  operation.space = key.space;
  operation.subject = subjects_of(key.space) + record_key(key.name);
  ask(std::move(operation), expected, std::move(done));
}

void NatsStore::ask(Operation operation, Revision expected, OnAnswer done) {
  operation.number = ++numbers_;
  operation.expected = expected.number;
  operation.is_blind = expected.is_absent();
  operation.ticket = requests_.add([this, subject = operation.subject, number = operation.number,
                                    done = std::move(done)](StoreAnswer answer) mutable {
    release(subject, number);
    done(std::move(answer));
  });
  if (connection_ == ConnectionNumber::kNone) {
    return requests_.fail(operation.ticket, StoreRequests::Failure::kUnconnected);
  }
  const bool is_foreign = !expected.is_absent() && expected.source != source_;
  if (is_foreign) {
    loop_.post([this, alive = alive_, operation] {
      if (*alive) finish(operation, StoreAnswer::Kind::kConflict);
    });
    return;
  }
  auto& record = records_[operation.subject];
  record.push_back(std::move(operation));
  if (record.size() == 1) begin(record.front());
}

// One that was answered in the meantime is released by that.
void NatsStore::begin(const Operation& operation) {
  if (!requests_.is_waiting(operation.ticket)) return;
  const bool is_look = operation.verb == Verb::kRead || operation.verb == Verb::kNext ||
                       (operation.verb == Verb::kErase && operation.is_blind);
  if (is_look) return look(operation);
  put(operation);
}

// Whoever leads the stream answers; a direct read may be answered by a copy that is behind.
void NatsStore::look(const Operation& operation) {
  const std::string stream = "KV_" + bucket_name(link_.options().prefix, name_of(operation.space));
  const std::string wanted =
      operation.verb == Verb::kNext
          ? R"({"seq":)" + std::to_string(operation.expected) + R"(,"next_by_subj":")"
          : R"({"last_by_subj":")";
  send(operation,
       {"$JS.API.STREAM.MSG.GET." + stream, {}, {}, wanted + operation.subject + R"("})"});
}

void NatsStore::put(const Operation& operation) {
  Session::Outgoing message{operation.subject, {}, {}, operation.value};
  const std::string expected = std::to_string(operation.expected);
  message.headers.emplace_back(kExpected, expected);
  // Where a bucket has copies, servers up to 2.9 compare before they agree on an order, so two
  // writers at a time both pass; of two messages with one id they store the first in any case.
  if (operation.expected != 0) {
    message.headers.emplace_back("Nats-Msg-Id", operation.subject + ":" + expected);
  }
  if (operation.verb == Verb::kErase) message.headers.emplace_back("KV-Operation", "DEL");
  send(operation, std::move(message));
}

bool NatsStore::send(const Operation& operation, Session::Outgoing message) {
  const std::size_t cost = KvLink::cost_of(message);
  if (queued_ + cost > link_.options().queue_bytes_max) {
    requests_.fail(operation.ticket, StoreRequests::Failure::kUnconnected);
    return false;
  }
  queued_ += cost;
  sent_[++tokens_] = {operation.subject, operation.number,
                      highest_[static_cast<std::size_t>(operation.space)], loop_.clock().now()};
  message.reply = port_->inbox + "." + std::to_string(tokens_);
  link_.send(port_, connection_, std::move(message));
  return true;
}

// Whoever creates the record meanwhile is not hit: only what is up to the mark goes.
void NatsStore::forget_mark(const Operation& operation, std::uint64_t sequence) {
  const std::string stream = "KV_" + bucket_name(link_.options().prefix, name_of(operation.space));
  link_.send(
      port_, connection_,
      {"$JS.API.STREAM.PURGE." + stream,
       port_->inbox + ".0",
       {},
       R"({"filter":")" + operation.subject + R"(","seq":)" + std::to_string(sequence + 1) + "}"});
}

// --- answers -----------------------------------------------------------------------------------

void NatsStore::on_reply(ConnectionNumber connection, std::uint64_t token, std::string_view bytes) {
  if (connection != connection_) return;
  heard_ = loop_.clock().now();
  is_probed_ = false;
  const auto found = sent_.find(token);
  if (found == sent_.end()) return;
  const Sent sent = std::move(found->second);
  sent_.erase(found);
  const auto record = records_.find(sent.subject);
  if (record == records_.end() || record->second.front().number != sent.number) return;
  step(record->second.front(), read_kv_answer(parser_, bytes), sent.floor);
}

void NatsStore::step(Operation& operation, KvAnswer answer, std::uint64_t floor) {
  using Kind = KvAnswer::Kind;
  switch (answer.kind) {
    case Kind::kWritten:
      return wrote(operation, answer.sequence, floor);
    case Kind::kRead: {
      const bool is_wanted = operation.verb == Verb::kRead || operation.verb == Verb::kNext;
      if (!is_wanted) return finish(operation, StoreAnswer::Kind::kConflict);
      const std::uint64_t sequence = answer.sequence;
      return finish(operation, StoreAnswer::Kind::kDone, sequence, std::move(answer));
    }
    case Kind::kMarker:
      if (operation.verb == Verb::kNext) {
        operation.expected = answer.sequence + 1;
        return look(operation);
      }
      return looked(operation, answer);
    case Kind::kAbsent:
      return looked(operation, answer);
    case Kind::kConflict:
      // It may be but the mark of what was erased.
      if (operation.verb == Verb::kWrite && operation.is_blind) return look(operation);
      return finish(operation, StoreAnswer::Kind::kConflict);
    case Kind::kGone: {
      const std::string why = "the bucket of " + std::string(name_of(operation.space)) +
                              " is gone from NATS at " + where_ + ": it is made anew";
      link_.drop(connection_, why);
      return lose(why);
    }
    case Kind::kRefused:
    case Kind::kUnread:
      return fail(operation, "NATS at " + where_ + " answers \"" + answer.text +
                                 "\" to a request of its store: look at its log");
  }
}

// There is no record.
void NatsStore::looked(Operation& operation, const KvAnswer& answer) {
  if (operation.verb != Verb::kWrite) return finish(operation, StoreAnswer::Kind::kDone);
  operation.is_blind = false;
  operation.expected = answer.sequence;
  put(operation);
}

void NatsStore::wrote(const Operation& operation, std::uint64_t sequence, std::uint64_t floor) {
  std::uint64_t& highest = highest_[static_cast<std::size_t>(operation.space)];
  if (sequence <= floor) {
    // The server forgot, and its numbers begin again; ours could match what they do not mean.
    const std::string why = "the bucket of " + std::string(name_of(operation.space)) +
                            " began anew in NATS at " + where_;
    link_.drop(connection_, why);
    return lose(why);
  }
  highest = std::max(highest, sequence);
  if (operation.verb == Verb::kWrite) {
    return finish(operation, StoreAnswer::Kind::kDone, sequence);
  }
  forget_mark(operation, sequence);
  finish(operation, StoreAnswer::Kind::kDone);
}

void NatsStore::finish(const Operation& operation, StoreAnswer::Kind kind, std::uint64_t sequence,
                       KvAnswer read) {
  refusal_.clear();
  StoreAnswer answer{kind, lives_[static_cast<std::size_t>(operation.space)], {}, {}};
  if (sequence != 0) answer.revision = {sequence, source_};
  answer.value = std::move(read.value);
  const std::string_view subjects = std::string_view(operation.subject);
  if (operation.verb == Verb::kNext && read.subject.size() >= subjects.size()) {
    answer.name =
        record_name(std::string_view(read.subject).substr(subjects.size() - 1)).value_or("");
  }
  const base::Duration life = link_.times().of(operation.space);
  if (read.written && life != base::Duration::zero()) {
    const base::Duration age = loop_.clock().wall_now() - *read.written;
    answer.ends_in = std::clamp(life - age, base::Duration::zero(), life);
  }
  requests_.answer(operation.ticket, std::move(answer));
}

void NatsStore::fail(const Operation& operation, std::string why) {
  refusal_ = std::move(why);
  requests_.fail(operation.ticket, StoreRequests::Failure::kRefused);
}

void NatsStore::release(const std::string& subject, std::uint64_t number) {
  const auto record = records_.find(subject);
  if (record == records_.end()) return;
  auto& waiting = record->second;
  const bool is_first = waiting.front().number == number;
  std::erase_if(waiting, [number](const Operation& each) { return each.number == number; });
  if (waiting.empty()) {
    records_.erase(record);
  } else if (is_first) {
    begin(waiting.front());
  }
}

}  // namespace mr::cluster::nats
