#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/nats/kv_answer.h"
#include "cluster/nats/kv_link.h"
#include "cluster/store_requests.h"
#include "net/loop.h"

namespace mr::cluster::nats {

// Records in JetStream's key-value store: "{prefix}_{space}" is the bucket, and the revision is the
// sequence of the record's last message, which the server compares. Requests of different records
// are under way together; those of one wait for each other, as the server works on reads and writes
// apart. An erased record leaves a mark, which is purged at once. The link outlives it. Not
// destroyed inside its own answers.
class NatsStore final : public Store, private KvEvents {
 public:
  NatsStore(net::Loop& loop, KvLink& link);
  NatsStore(const NatsStore&) = delete;
  NatsStore& operator=(const NatsStore&) = delete;
  ~NatsStore() override { stop(); }

  void start() override;
  void stop() override;
  void read(const RecordKey& key, OnAnswer done) override;
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override;
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override;
  bool next(Space space, std::uint64_t from, OnAnswer done) override;
  const std::string& problem() const override { return problem_.empty() ? refusal_ : problem_; }
  StoreCounters counters() const override { return requests_.counters(); }

 private:
  using Ticket = StoreRequests::Ticket;
  enum class Verb : std::uint8_t { kRead, kWrite, kErase, kNext };
  struct Operation {
    std::uint64_t number = 0;
    Verb verb = Verb::kRead;
    Space space = Space::kState;
    std::string subject{};  // of kNext all of the space
    std::string value{};
    std::uint64_t expected = 0;  // sequence; 0: no message; of kNext the lowest that is wanted
    bool is_blind = false;       // of an absent record, which may have left a mark
    Ticket ticket = Ticket::kNone;
  };
  // A message whose reply is awaited.
  struct Sent {
    std::string subject;  // its record's; empty: nobody's
    std::uint64_t number = 0;
    std::uint64_t floor = 0;  // the highest sequence of its bucket then
    base::TimePoint at{};
  };

  void on_open(ConnectionNumber connection, const std::string& where,
               const KvLives& lives) override;
  void on_refused(const std::string& why) override;
  void on_lost(ConnectionNumber connection, const std::string& why) override;
  void on_reply(ConnectionNumber connection, std::uint64_t token, std::string_view bytes) override;
  void on_written(ConnectionNumber connection, std::size_t cost) override;
  void on_error(const std::string& why) override { refusal_ = why; }

  void ask(const RecordKey& key, Operation operation, Revision expected, OnAnswer done);
  void ask(Operation operation, Revision expected, OnAnswer done);
  std::string subjects_of(Space space) const;
  void begin(const Operation& operation);
  void look(const Operation& operation);
  void put(const Operation& operation);
  bool send(const Operation& operation, Session::Outgoing message);
  void forget_mark(const Operation& operation, std::uint64_t sequence);
  void step(Operation& operation, KvAnswer answer, std::uint64_t floor);
  void looked(Operation& operation, const KvAnswer& answer);
  void wrote(const Operation& operation, std::uint64_t sequence, std::uint64_t floor);
  void finish(const Operation& operation, StoreAnswer::Kind kind, std::uint64_t sequence = 0,
              KvAnswer read = {});
  void fail(const Operation& operation, std::string why);
  void release(const std::string& subject, std::uint64_t number);
  void tick();
  void check_silence(base::TimePoint now);
  void lose(const std::string& why);

  net::Loop& loop_;
  KvLink& link_;
  StoreRequests requests_;
  json::Parser parser_;
  KvPortRef port_;  // null: not started
  net::TimerId timer_ = net::TimerId::kNone;
  ConnectionNumber connection_ = ConnectionNumber::kNone;
  std::string where_;         // of the connection
  std::uint64_t source_ = 0;  // of its revisions
  KvLives lives_{};
  std::array<std::uint64_t, kSpaces> highest_{};  // sequences that were written, by bucket
  bool is_dialling_ = false;
  bool is_probed_ = false;
  base::TimePoint heard_{};
  base::TimePoint ticked_{};

  std::map<std::string, std::deque<Operation>> records_;  // by subject; the first is under way
  std::map<std::uint64_t, Sent> sent_;                    // by token
  std::uint64_t numbers_ = 0;
  std::uint64_t tokens_ = 0;
  std::size_t queued_ = 0;  // cost of what the link holds

  std::string problem_;
  std::string refusal_;  // of the last request, when it was refused
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::nats
