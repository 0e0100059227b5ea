#include "cluster/memory/memory_store.h"

namespace mr::cluster::memory {

MemoryStore::MemoryStore(MemoryBroker& broker, net::Loop& loop, std::string node)
    : broker_(broker),
      requests_(loop),
      bus_(broker, loop, std::move(node), *this),
      problem_("there is no connection to the broker in memory yet") {}

void MemoryStore::stop() {
  bus_.stop();
  requests_.clear();
}

void MemoryStore::read(const RecordKey& key, OnAnswer done) {
  ask([key](RecordTable& table, base::TimePoint now) { return table.read(key, now); }, {},
      std::move(done));
}

void MemoryStore::write(const RecordKey& key, std::string_view value, Revision expected,
                        OnAnswer done) {
  ask(
      [key, text = std::string(value), expected](RecordTable& table, base::TimePoint now) {
        return table.write(key, text, expected, now);
      },
      expected, std::move(done));
}

void MemoryStore::erase(const RecordKey& key, Revision expected, OnAnswer done) {
  ask([key, expected](RecordTable& table,
                      base::TimePoint now) { return table.erase(key, expected, now); },
      expected, std::move(done));
}

bool MemoryStore::next(Space space, std::uint64_t from, OnAnswer done) {
  ask([space, from](RecordTable& table,
                    base::TimePoint now) { return table.next(space, from, now); },
      {}, std::move(done));
  return true;
}

template <class Work>
void MemoryStore::ask(Work work, Revision expected, OnAnswer done) {
  const StoreRequests::Ticket ticket = requests_.add(std::move(done));
  if (!bus_.is_open_) return requests_.fail(ticket, StoreRequests::Failure::kUnconnected);
  const std::uint64_t source = broker_.are_revisions_bound_ ? source_ : 0;
  const bool is_foreign = !expected.is_absent() && expected.source != source;
  bus_.up([this, &broker = broker_, connection = bus_.connection_, work = std::move(work), ticket,
           source, is_foreign] {
    RecordTable& table = broker.table_of(connection->node);
    StoreAnswer answer;
    if (is_foreign) {
      answer = {StoreAnswer::Kind::kConflict, table.life(), {}, {}};
    } else {
      answer = work(table, broker.clock_.now());
    }
    if (!answer.revision.is_absent()) answer.revision.source = source;
    MemoryBus::down(broker, connection,
                    [this, ticket, answer](MemoryBus&) { requests_.answer(ticket, answer); });
  });
}

void MemoryStore::on_open() {
  problem_.clear();
  source_ = broker_.random_.next() | 1;
  bus_.connection_->delay_max = broker_.store_delay_max_;
}

void MemoryStore::on_lost(std::string_view why) {
  problem_ = why;
  requests_.fail_all(StoreRequests::Failure::kLost);
}

}  // namespace mr::cluster::memory
