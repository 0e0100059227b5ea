#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/function.h"
#include "channel/shared_quota.h"
#include "cluster/options.h"
#include "cluster/quotas.h"
#include "cluster/registration.h"
#include "net/runtime.h"
#include "observability/gauge.h"
#include "observability/log.h"

namespace mr::app {

// This node's registration in the broker's store, and with it the limits that all nodes share. On
// the control loop; each serving loop has its own way to it. Built and destroyed while the loops do
// not run.
class SharedLimits final : private cluster::RegistrationEvents {
 public:
  // `on_name` runs when the node gets another name than it wished, and when it gets that back.
  using OnName = base::Function<void(const std::string&)>;
  SharedLimits(net::Runtime& runtime, cluster::Store& store, cluster::BootId boot,
               const cluster::Options& options, observability::Log& log);
  ~SharedLimits();

  channel::SharedQuota& of_loop(std::size_t loop);
  void start(OnName on_name);
  // What this node holds is free for others at once; it admits nobody any more. Then `done`, within
  // half a second.
  void leave(base::Task done) { registration_.leave(std::move(done)); }
  void collect(std::vector<observability::GaugeSample>& out) const;

 private:
  class LoopQuota;

  void on_registered() override;
  void on_node(Change change, const cluster::RollLine& line) override;
  void on_name(const std::string& name) override;

  const std::string wished_name_;
  observability::Logger logger_;
  cluster::Registration registration_;
  cluster::Quotas quotas_;
  std::vector<std::unique_ptr<LoopQuota>> loops_;
  OnName on_name_;
};

}  // namespace mr::app
