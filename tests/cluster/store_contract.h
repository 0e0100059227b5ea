#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster::test {

// What every Store keeps, on every broker: the tests are in store_contract.cc, and a back end runs
// them by INSTANTIATE_TEST_SUITE_P(Name, StoreContract, testing::Values(&make_back_end)) in its own
// binary.

struct StoreSetup {
  std::string prefix = "millrace";
  StoreTimes times{};
};

// A broker and the loop on which stores of it live. The broker stands at first, and forgets all
// when it is stopped.
class StoreBackEnd {
 public:
  virtual ~StoreBackEnd() = default;

  virtual net::Loop& loop() = 0;
  // Runs the loop until `done` says so, asked after each iteration, or for `limit` of the loop's
  // time; what `done` said last.
  virtual bool run_until(const std::function<bool()>& done, base::Duration limit) = 0;
  // Not started.
  virtual std::unique_ptr<Store> make_store(const StoreSetup& setup) = 0;

  virtual void start_broker() = 0;
  virtual void stop_broker() = 0;
  // It hangs: connections stay, nothing is answered.
  virtual void pause_broker() = 0;
  virtual void resume_broker() = 0;
  // As a problem names it.
  virtual std::string address() const = 0;
  // After a start or a hang: more where servers elect who leads first.
  virtual base::Duration serves_within() const { return std::chrono::seconds(2); }
};

using MakeStoreBackEnd = std::unique_ptr<StoreBackEnd> (*)();

class StoreContract : public testing::TestWithParam<MakeStoreBackEnd> {
 protected:
  static constexpr base::Duration kSoon = std::chrono::seconds(20);
  using Kind = StoreAnswer::Kind;

  StoreBackEnd& back_end() { return *back_end_; }
  bool wait(const std::function<bool()>& done, base::Duration limit = kSoon) {
    return back_end_->run_until(done, limit);
  }
  // Started, and it answers.
  std::unique_ptr<Store> open(const StoreSetup& setup = {});
  // Waits until a read is answered.
  bool answers(Store& store, base::Duration limit);
  // Each waits for its answer, which must not come inside the call.
  StoreAnswer read(Store& store, const RecordKey& key);
  StoreAnswer write(Store& store, const RecordKey& key, std::string_view value, Revision expected);
  StoreAnswer erase(Store& store, const RecordKey& key, Revision expected);

 private:
  StoreAnswer await(const std::function<void(Store::OnAnswer)>& ask);

  const std::unique_ptr<StoreBackEnd> back_end_ = GetParam()();
};

}  // namespace mr::cluster::test
