#pragma once

#include <cstddef>
#include <utility>

#include "channel/loop_port.h"
#include "net/runtime.h"

namespace mr::app {

// The loops as channel/ sees them. One per loop; post() works from any thread, because an answer
// is posted from the loop that worked for it.
class RuntimePort final : public channel::LoopPort {
 public:
  RuntimePort(net::Runtime& runtime, std::size_t self) : runtime_(runtime), self_(self) {}

  std::size_t self() const override { return self_; }
  std::size_t loop_count() const override { return runtime_.loop_count(); }
  void post(std::size_t to, base::Task task, std::size_t bytes) override {
    runtime_.loop(to).post(std::move(task), bytes);
  }
  std::size_t mailbox_bytes(std::size_t loop) const override {
    return runtime_.loop(loop).mailbox_bytes();
  }
  void after(base::Duration delay, base::Task task) override {
    runtime_.loop(self_).after(delay, std::move(task));
  }
  const base::Clock& clock() const override { return runtime_.loop(self_).clock(); }

 private:
  net::Runtime& runtime_;
  const std::size_t self_;
};

}  // namespace mr::app
