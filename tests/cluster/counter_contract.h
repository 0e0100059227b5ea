#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/counter.h"
#include "net/loop.h"

namespace mr::cluster::test {

// A store that counts, with the real server behind it.
class CounterBackEnd {
 public:
  virtual ~CounterBackEnd() = default;
  virtual net::Loop& loop() = 0;
  virtual bool run_until(const std::function<bool()>& done, base::Duration limit) = 0;
  virtual std::unique_ptr<Counter> make_counter(const std::string& node, CounterEvents& events) = 0;
  virtual void pause_broker() = 0;
  virtual void resume_broker() = 0;
  virtual void stop_broker() = 0;
  virtual void start_broker() = 0;
  // After a start: more where servers elect who leads first.
  virtual base::Duration serves_within() const { return std::chrono::seconds(2); }
};

// One node's counter and what it told.
class CountingNode final : public CounterEvents {
 public:
  CountingNode(CounterBackEnd& back_end, const std::string& name)
      : counter_(back_end.make_counter(name, *this)) {
    counter_->start();
  }
  ~CountingNode() { counter_->stop(); }

  Counter& operator*() { return *counter_; }
  Counter* operator->() { return counter_.get(); }
  // False: nothing was taken.
  bool count(const std::string& key, std::uint32_t interval = 10) {
    return count(CounterKey{"app", "ticker:x", key}, interval);
  }
  bool count(const CounterKey& key, std::uint32_t interval) {
    auto request = std::make_shared<CountRequest>();
    request->key = key;
    request->interval = interval;
    request->number = ++asked_;
    return counter_->count(request);
  }
  void on_counted(const CountRequestRef& request, const Counted& counted) override {
    counted_[request->number] = counted;
  }
  void on_uncounted(const CountRequestRef&) override { ++uncounted_; }
  void on_answer(bool came) override { came ? ++answers_ : ++silences_; }

  const std::map<std::uint64_t, Counted>& counted() const { return counted_; }
  std::vector<std::uint32_t> places() const {
    std::vector<std::uint32_t> places;
    for (const auto& [number, counted] : counted_) places.push_back(counted.place);
    return places;
  }
  int uncounted() const { return uncounted_; }
  int silences() const { return silences_; }

 private:
  std::unique_ptr<Counter> counter_;
  std::map<std::uint64_t, Counted> counted_;
  std::uint64_t asked_ = 0;
  int uncounted_ = 0;
  int answers_ = 0;
  int silences_ = 0;
};

// What every counter keeps, whatever its store.
class CounterContract : public testing::TestWithParam<std::unique_ptr<CounterBackEnd> (*)()> {
 protected:
  CounterContract() : back_end_(GetParam()()) {}
  // A node whose store answers.
  std::unique_ptr<CountingNode> node(const std::string& name);
  CounterPage page_of(CountingNode& node, const CounterQuery& query);

  std::unique_ptr<CounterBackEnd> back_end_;
};

}  // namespace mr::cluster::test
