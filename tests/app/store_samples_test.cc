#include "app/store_samples.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace mr::app {
namespace {

class Counted final : public cluster::Store {
 public:
  void start() override {}
  void stop() override {}
  void read(const cluster::RecordKey&, OnAnswer) override {}
  void write(const cluster::RecordKey&, std::string_view, cluster::Revision, OnAnswer) override {}
  void erase(const cluster::RecordKey&, cluster::Revision, OnAnswer) override {}
  const std::string& problem() const override { return none_; }
  cluster::StoreCounters counters() const override { return {21, 1, 2, 3, 4, 5}; }

 private:
  const std::string none_;
};

TEST(StoreSamplesTest, EveryCounterIsASample) {
  std::vector<observability::GaugeSample> samples;
  add_store_samples(Counted(), samples);
  std::map<std::string, double> values;
  for (const auto& sample : samples) {
    EXPECT_EQ(sample.kind, observability::SampleKind::kCounter);
    values[sample.name + (sample.labels.empty() ? "" : " " + sample.labels[0].value)] =
        sample.value;
  }
  EXPECT_EQ(values,
            (std::map<std::string, double>{{"millrace_store_requests_total", 21},
                                           {"millrace_store_conflicts_total", 1},
                                           {"millrace_store_unanswered_total unconnected", 2},
                                           {"millrace_store_unanswered_total late", 3},
                                           {"millrace_store_unanswered_total lost", 4},
                                           {"millrace_store_unanswered_total refused", 5}}));
}

}  // namespace
}  // namespace mr::app
