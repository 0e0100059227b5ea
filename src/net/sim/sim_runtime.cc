#include "net/sim/sim_runtime.h"

#include <utility>

namespace mr::net::sim {
namespace {
constexpr std::uint64_t kWorkMaxUs = 2000;
}

void SimWorker::submit(base::Task work, Loop& reply_to, base::Task done) {
  jobs_.push_back({std::move(work), &reply_to, std::move(done)});
  schedule();
}

void SimWorker::set_frozen(bool frozen) {
  frozen_ = frozen;
  schedule();
}

void SimWorker::schedule() {
  if (scheduled_ || frozen_ || jobs_.empty()) return;
  scheduled_ = true;
  const auto delay = std::chrono::microseconds(sim_.random().below(kWorkMaxUs + 1));
  sim_.at(sim_.clock().now() + delay, [this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.lock() != nullptr) run_one();
  });
}

void SimWorker::run_one() {
  scheduled_ = false;
  if (frozen_ || jobs_.empty()) return;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  sim_.note(0, 9, jobs_.size());
  job.work();
  job.work = nullptr;
  if (job.done) job.reply_to->post(std::move(job.done));
  schedule();
}

SimRuntime::SimRuntime(Sim& sim, SimNetwork& network, SimRuntimeOptions options) : worker_(sim) {
  for (std::size_t i = 0; i < options.loops; ++i) {
    loops_.push_back(std::make_unique<SimLoop>(sim, network, options.host));
  }
  control_ = std::make_unique<SimLoop>(sim, network, options.host);
}

void SimRuntime::set_frozen(bool frozen) {
  for (auto& loop : loops_) loop->set_frozen(frozen);
  control_->set_frozen(frozen);
  worker_.set_frozen(frozen);
}

}  // namespace mr::net::sim
