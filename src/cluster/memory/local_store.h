#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/memory/record_table.h"
#include "cluster/store_requests.h"
#include "net/loop.h"

namespace mr::cluster::memory {

// The store of a node without a broker. Its records live on one loop, and end with the process.
class LocalRecords {
 public:
  LocalRecords(net::Loop& home, const StoreTimes& times);

 private:
  friend class LocalStore;

  net::Loop& home_;
  std::shared_ptr<RecordTable> table_;  // the home loop's
};

// One loop's way to it. The records outlive it.
class LocalStore final : public Store {
 public:
  LocalStore(net::Loop& loop, LocalRecords& records)
      : loop_(loop), records_(records), requests_(loop) {}
  ~LocalStore() override { *alive_ = false; }

  void start() override {}
  void stop() override { requests_.clear(); }
  void read(const RecordKey& key, OnAnswer done) override;
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override;
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override;
  const std::string& problem() const override { return none_; }
  StoreCounters counters() const override { return requests_.counters(); }

 private:
  template <class Work>
  void ask(Work work, OnAnswer done);

  net::Loop& loop_;
  LocalRecords& records_;
  StoreRequests requests_;
  const std::string none_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::memory
