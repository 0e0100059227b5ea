#include "cluster/memory/local_store.h"

#include <utility>

namespace mr::cluster::memory {

LocalRecords::LocalRecords(net::Loop& home, const StoreTimes& times)
    : home_(home), table_(std::make_shared<RecordTable>(home.random(), base::Duration::zero())) {
  table_->set_times(times);
}

void LocalStore::read(const RecordKey& key, OnAnswer done) {
  ask([key](RecordTable& table, base::TimePoint now) { return table.read(key, now); },
      std::move(done));
}

void LocalStore::write(const RecordKey& key, std::string_view value, Revision expected,
                       OnAnswer done) {
  ask(
      [key, text = std::string(value), expected](RecordTable& table, base::TimePoint now) {
        return table.write(key, text, expected, now);
      },
      std::move(done));
}

void LocalStore::erase(const RecordKey& key, Revision expected, OnAnswer done) {
  ask([key, expected](RecordTable& table,
                      base::TimePoint now) { return table.erase(key, expected, now); },
      std::move(done));
}

template <class Work>
void LocalStore::ask(Work work, OnAnswer done) {
  const StoreRequests::Ticket ticket = requests_.add(std::move(done));
  records_.home_.post([this, &loop = loop_, &home = records_.home_, table = records_.table_,
                       work = std::move(work), ticket, alive = alive_] {
    loop.post([this, answer = work(*table, home.clock().now()), ticket, alive] {
      if (*alive) requests_.answer(ticket, answer);
    });
  });
}

}  // namespace mr::cluster::memory
