#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/bus.h"
#include "net/loop.h"

namespace mr::cluster::test {

// What every Bus keeps, on every broker: the tests are in bus_contract.cc, and a back end runs them
// by INSTANTIATE_TEST_SUITE_P(Name, BusContract, testing::Values(&make_back_end)) in its own
// binary.

struct BusSetup {
  std::string prefix = "millrace";
  std::size_t queue_bytes_max = 16 << 20;
};

// A broker and the loop on which buses to it live. The broker stands at first.
class BackEnd {
 public:
  virtual ~BackEnd() = default;

  virtual net::Loop& loop() = 0;
  // Runs the loop until `done` says so, asked after each iteration, or for `limit` of the loop's
  // time; what `done` said last.
  virtual bool run_until(const std::function<bool()>& done, base::Duration limit) = 0;
  // Not started. Outlived by `events`, the loop and the broker.
  virtual std::unique_ptr<Bus> make_bus(const BusSetup& setup, BusEvents& events) = 0;

  virtual void start_broker() = 0;
  virtual void stop_broker() = 0;
  // It hangs: connections stay, nothing is answered.
  virtual void pause_broker() = 0;
  virtual void resume_broker() = 0;
  // As a loss names it.
  virtual std::string address() const = 0;
};

using MakeBackEnd = std::unique_ptr<BackEnd> (*)();

// A bus and all that it reported. Every report inside a call to the bus is a failure.
class Listener final : public BusEvents {
 public:
  explicit Listener(BackEnd& back_end, const BusSetup& setup = {})
      : bus_(back_end.make_bus(setup, *this)) {}
  ~Listener() { stop(); }

  void start() {
    call([this] { bus_->start(); });
  }
  void stop() {
    call([this] { bus_->stop(); });
    is_open = false;
  }
  void subscribe(Subject subject, std::uint32_t generation = 1) {
    call([&] { bus_->subscribe(subject, static_cast<Generation>(generation)); });
  }
  void unsubscribe(Subject subject) {
    call([&] { bus_->unsubscribe(subject); });
  }
  bool publish(Subject subject, std::string_view envelope) {
    bool is_taken = false;
    call([&] { is_taken = bus_->publish(subject, envelope); });
    return is_taken;
  }
  void flush() {
    call([this] { bus_->flush(); });
  }
  const Bus& bus() const { return *bus_; }

  bool has_confirmed(Subject subject, std::uint32_t generation = 1) const {
    for (const auto& [of, number] : confirmed) {
      if (of == subject && number == generation) return true;
    }
    return false;
  }

  void on_open() override {
    EXPECT_FALSE(is_in_call_);
    is_open = true;
    ++opens;
    if (when_open) when_open();
  }
  void on_lost(std::string_view why) override {
    EXPECT_FALSE(is_in_call_);
    is_open = false;
    losses.emplace_back(why);
  }
  void on_subscribed(Subject subject, Generation generation) override {
    EXPECT_FALSE(is_in_call_);
    confirmed.emplace_back(subject, static_cast<std::uint32_t>(generation));
    if (when_confirmed) when_confirmed(subject);
  }
  void on_interrupted(Subject subject) override {
    EXPECT_FALSE(is_in_call_);
    interrupted.push_back(subject);
  }
  void on_envelope(Subject subject, std::string_view envelope) override {
    EXPECT_FALSE(is_in_call_);
    got.emplace_back(subject, envelope);
    if (when_envelope) when_envelope();
  }

  bool is_open = false;
  int opens = 0;
  std::vector<std::string> losses;
  std::vector<std::pair<Subject, std::uint32_t>> confirmed;
  std::vector<Subject> interrupted;
  std::vector<std::pair<Subject, std::string>> got;
  std::function<void()> when_open;
  std::function<void(Subject)> when_confirmed;
  std::function<void()> when_envelope;

 private:
  template <class F>
  void call(const F& body) {
    const bool was_in_call = std::exchange(is_in_call_, true);
    body();
    is_in_call_ = was_in_call;
  }

  std::unique_ptr<Bus> bus_;
  bool is_in_call_ = false;
};

class BusContract : public testing::TestWithParam<MakeBackEnd> {
 protected:
  static constexpr base::Duration kSoon = std::chrono::seconds(10);

  BackEnd& back_end() { return *back_end_; }
  bool wait(const std::function<bool()>& done, base::Duration limit = kSoon) {
    return back_end_->run_until(done, limit);
  }
  // Starts it and waits until it is open.
  void open(Listener& listener);
  void subscribe(Listener& listener, Subject subject, std::uint32_t generation = 1);
  // Waits for room where the queue is full.
  void publish(Listener& listener, Subject subject, std::string_view envelope);

 private:
  const std::unique_ptr<BackEnd> back_end_ = GetParam()();
};

}  // namespace mr::cluster::test
