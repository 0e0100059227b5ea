#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/bus.h"
#include "cluster/memory/memory_bus.h"
#include "cluster/store_requests.h"

namespace mr::cluster::memory {

// The store of a MemoryBroker as a node reaches it, over a connection of its own, which the
// broker's faults hit as they hit its buses. The broker outlives it.
class MemoryStore final : public Store, private BusEvents {
 public:
  MemoryStore(MemoryBroker& broker, net::Loop& loop, std::string node);

  void start() override { bus_.start(); }
  void stop() override;
  void read(const RecordKey& key, OnAnswer done) override;
  void write(const RecordKey& key, std::string_view value, Revision expected,
             OnAnswer done) override;
  void erase(const RecordKey& key, Revision expected, OnAnswer done) override;
  bool next(Space space, std::uint64_t from, OnAnswer done) override;
  const std::string& problem() const override { return problem_; }
  StoreCounters counters() const override { return requests_.counters(); }

 private:
  void on_open() override;
  void on_lost(std::string_view why) override;
  void on_subscribed(Subject, Generation) override {}
  void on_envelope(Subject, std::string_view) override {}

  template <class Work>
  void ask(Work work, Revision expected, OnAnswer done);

  MemoryBroker& broker_;
  StoreRequests requests_;
  MemoryBus bus_;
  std::uint64_t source_ = 0;  // of the revisions of this connection
  std::string problem_;
};

}  // namespace mr::cluster::memory
