#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/function.h"
#include "cluster/nats/options.h"
#include "cluster/registry.h"
#include "net/loop.h"
#include "net/runtime.h"

namespace mr::cluster::nats {

// The lines of all nodes in a bucket of JetStream's key-value store, "{prefix}_nodes" (what the
// names of buckets do not allow, as -XX): a key per boot, with the node's name, which the server
// drops 15 s after its last beat. Without JetStream the answer is our own boot alone, and nodes
// find each other by their heartbeats. One connection of its own; its calls block, so they run on
// the worker, one at a time. Control loop; loop and worker outlive it.
class NatsRegistry final : public Registry {
 public:
  // Runs on the loop when there is no store, and again when the reason changes.
  using OnMissing = base::Function<void(const std::string& why)>;

  NatsRegistry(net::Loop& loop, net::Worker& worker, NatsOptions options, OnMissing on_missing);
  ~NatsRegistry() override;

  void beat(BootId boot, std::string_view name, base::Function<void(const Lines*)> done) override;
  const std::string& problem() const override { return problem_; }
  void leave(BootId boot) override;

  static std::string bucket_of(std::string_view prefix);

 private:
  struct Answer;
  class Store;

  void answered(const Answer& answer);

  net::Loop& loop_;
  net::Worker& worker_;
  OnMissing on_missing_;
  std::shared_ptr<Store> store_;
  base::Function<void(const Lines*)> done_;  // of the beat that is under way
  std::string missing_;                      // as it was told
  std::string problem_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mr::cluster::nats
