#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observability/counter.h"
#include "observability/gauge.h"

namespace mr::observability {

// What one registered metric is called; the same name always has the same help and kind.
struct MetricName {
  std::string name;  // starts with millrace_ or process_, snake_case, unit last
  std::string help;
};

namespace detail {
struct Family;
}

// One loop's counters and histograms: the loop adds without a lock, a scrape on any thread sums
// the sets of all loops. Asking again for the same name and labels gives the same object, which
// lives as long as the Registry. Asking takes a lock: do it once, not per message. Of one name
// at most kSeriesMax label sets exist; further ones share a series labelled "other".
class CounterSet {
 public:
  static constexpr std::size_t kSeriesMax = 2'000;

  CounterSet();
  ~CounterSet();
  CounterSet(const CounterSet&) = delete;
  CounterSet& operator=(const CounterSet&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  // `bounds` count at the first call for a name.
  Histogram& histogram(const MetricName& name, std::span<const double> bounds,
                       const Labels& labels = {});

 private:
  friend class Registry;
  template <class T>
  struct Series {
    std::string help;
    std::map<Labels, std::unique_ptr<T>> by_labels;
  };

  void add_to(std::map<std::string, detail::Family>& families) const;

  mutable std::mutex mutex_;  // the maps, not the numbers
  std::map<std::string, Series<Counter>, std::less<>> counters_;
  std::map<std::string, Series<Histogram>, std::less<>> histograms_;
};

// All metrics of one node. Any thread. Lives longer than everything that counts.
class Registry {
 public:
  // `prefix`: what the names of render() begin with instead of millrace.
  explicit Registry(std::string prefix = "millrace");
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // A new set for one loop; valid as long as the registry.
  CounterSet& add_set();
  // For writers on any thread.
  SharedCounter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  // millrace_build_info{version, compiler} 1.
  void set_build(std::string version, std::string compiler);

  // Prometheus text format 0.0.4: every set summed, `samples`, process_* and the build.
  std::string render(std::span<const GaugeSample> samples) const;

  // The content type of render().
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  const std::string prefix_;
  mutable std::mutex mutex_;
  std::deque<CounterSet> sets_;
  struct Shared {
    std::string help;
    std::map<Labels, std::unique_ptr<SharedCounter>> by_labels;
  };
  std::map<std::string, Shared, std::less<>> shared_;
  Labels build_;
};

// True for names that a metric may have: the prefix millrace_ or process_, then [a-z0-9_].
bool is_metric_name(std::string_view name);

}  // namespace mr::observability
