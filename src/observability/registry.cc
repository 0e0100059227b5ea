#include "observability/registry.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/cut_utf8.h"
#include "observability/escape.h"
#include "observability/options.h"
#include "observability/process.h"

namespace mr::observability {
namespace {

constexpr std::size_t kLabelBytesMax = 256;

// Prometheus refuses a whole scrape for one label that is not UTF-8.
Labels clean(const Labels& labels) {
  Labels out;
  for (const Label& label : labels) {
    out.push_back({label.name, to_valid_utf8(base::cut_utf8(label.value, kLabelBytesMax))});
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The one series that takes what has too many label values.
Labels other(Labels labels) {
  for (Label& label : labels) label.value = "other";
  return labels;
}

template <class Series, class Make>
auto& find_or_make(Series& series, const Labels& wanted, Make make) {
  Labels labels = clean(wanted);
  const bool full = series.by_labels.size() >= CounterSet::kSeriesMax;
  if (full && !series.by_labels.contains(labels)) labels = other(std::move(labels));
  auto& slot = series.by_labels[std::move(labels)];
  if (!slot) slot = make();
  return *slot;
}

std::vector<prometheus::ClientMetric::Label> to_prometheus(const Labels& labels) {
  std::vector<prometheus::ClientMetric::Label> out;
  for (const Label& label : labels) out.push_back({label.name, label.value});
  return out;
}

struct HistogramSum {
  std::vector<double> bounds;
  std::vector<std::uint64_t> buckets;  // not cumulative
  double sum = 0;
};

void add(HistogramSum& to, const Histogram& from) {
  if (to.bounds.empty()) {
    to.bounds.assign(from.bounds().begin(), from.bounds().end());
    to.buckets.resize(to.bounds.size() + 1);
  }
  MR_ASSERT(
      std::equal(to.bounds.begin(), to.bounds.end(), from.bounds().begin(), from.bounds().end()),
      "a histogram has the same buckets on every loop");
  for (std::size_t i = 0; i < to.buckets.size(); ++i) to.buckets[i] += from.bucket(i);
  to.sum += from.sum();
}

prometheus::ClientMetric to_prometheus(const HistogramSum& sum) {
  prometheus::ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < sum.buckets.size(); ++i) {
    count += sum.buckets[i];
    const double bound =
        i < sum.bounds.size() ? sum.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = sum.sum;
  return metric;
}

}  // namespace

namespace detail {

struct Family {
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Gauge;
  std::map<Labels, double> values;
  std::map<Labels, HistogramSum> histograms;
};

}  // namespace detail

namespace {

using Families = std::map<std::string, detail::Family>;

detail::Family& family(Families& families, const std::string& name, const std::string& help,
                       prometheus::MetricType type) {
  const auto [found, is_new] = families.try_emplace(name);
  if (is_new) {
    found->second.help = help;
    found->second.type = type;
  }
  MR_ASSERT(found->second.type == type, "a metric name has one kind");
  return found->second;
}

void add_samples(Families& families, std::span<const GaugeSample> samples) {
  for (const GaugeSample& sample : samples) {
    MR_ASSERT(is_metric_name(sample.name), "a metric name begins with millrace_ or process_");
    const auto type = sample.kind == SampleKind::kCounter ? prometheus::MetricType::Counter
                                                          : prometheus::MetricType::Gauge;
    auto& values = family(families, sample.name, sample.help, type).values;
    values[clean(sample.labels)] += sample.value;
  }
}

void add_process(Families& families) {
  const ProcessFigures figures = read_process_figures();
  const auto put = [&](const char* name, const char* help, auto value,
                       prometheus::MetricType type = prometheus::MetricType::Gauge) {
    if (value) family(families, name, help, type).values[{}] = static_cast<double>(*value);
  };
  put("process_cpu_seconds_total", "User and system CPU time spent in seconds.",
      figures.cpu_seconds, prometheus::MetricType::Counter);
  put("process_resident_memory_bytes", "Resident memory size in bytes.",
      figures.memory.resident_bytes);
  put("process_virtual_memory_bytes", "Virtual memory size in bytes.",
      figures.memory.virtual_bytes);
  put("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
      figures.start_time_seconds);
  put("process_open_fds", "Number of open file descriptors.", figures.open_fds);
  put("process_max_fds", "Maximum number of open file descriptors.", figures.max_fds);
  put("process_threads", "Number of threads of the process.", figures.threads);
}

std::string shown_name(const std::string& name, const std::string& prefix) {
  constexpr std::string_view kOwn = "millrace";
  return name.starts_with(kOwn) ? prefix + name.substr(kOwn.size()) : name;
}

std::string to_text(const Families& families, const std::string& prefix) {
  std::vector<prometheus::MetricFamily> out;
  for (const auto& [name, from] : families) {
    prometheus::MetricFamily& to = out.emplace_back();
    to.name = shown_name(name, prefix);
    to.help = from.help;
    to.type = from.type;
    for (const auto& [labels, value] : from.values) {
      prometheus::ClientMetric& metric = to.metric.emplace_back();
      metric.label = to_prometheus(labels);
      metric.counter.value = value;
      metric.gauge.value = value;
    }
    for (const auto& [labels, sum] : from.histograms) {
      to.metric.push_back(to_prometheus(sum));
      to.metric.back().label = to_prometheus(labels);
    }
  }
  return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer()).Serialize(out);
}

}  // namespace

bool is_metric_name(std::string_view name) {
  return (name.starts_with("millrace_") || name.starts_with("process_")) && name.back() != '_' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

CounterSet::CounterSet() = default;
CounterSet::~CounterSet() = default;

Counter& CounterSet::counter(std::string_view name, std::string_view help, const Labels& labels) {
  MR_ASSERT(is_metric_name(name), "a metric name begins with millrace_ or process_");
  const std::lock_guard lock(mutex_);
  auto& series = counters_.try_emplace(std::string(name)).first->second;
  if (series.help.empty()) series.help = help;
  return find_or_make(series, labels, [] { return std::make_unique<Counter>(); });
}

Histogram& CounterSet::histogram(const MetricName& name, std::span<const double> bounds,
                                 const Labels& labels) {
  MR_ASSERT(is_metric_name(name.name), "a metric name begins with millrace_ or process_");
  MR_ASSERT(std::is_sorted(bounds.begin(), bounds.end()), "bucket bounds rise");
  const std::lock_guard lock(mutex_);
  auto& series = histograms_.try_emplace(name.name).first->second;
  if (series.help.empty()) series.help = name.help;
  return find_or_make(series, labels, [&] { return std::make_unique<Histogram>(bounds); });
}

void CounterSet::add_to(Families& families) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, series] : counters_) {
    auto& to = family(families, name, series.help, prometheus::MetricType::Counter);
    for (const auto& [labels, counter] : series.by_labels) {
      to.values[labels] += static_cast<double>(counter->value());
    }
  }
  for (const auto& [name, series] : histograms_) {
    auto& to = family(families, name, series.help, prometheus::MetricType::Histogram);
    for (const auto& [labels, histogram] : series.by_labels) add(to.histograms[labels], *histogram);
  }
}

Registry::Registry(std::string prefix) : prefix_(std::move(prefix)) {
  MR_ASSERT(is_metric_prefix(prefix_), "a prefix that metric names may have");
}
Registry::~Registry() = default;

CounterSet& Registry::add_set() {
  const std::lock_guard lock(mutex_);
  return sets_.emplace_back();
}

SharedCounter& Registry::counter(std::string_view name, std::string_view help,
                                 const Labels& labels) {
  MR_ASSERT(is_metric_name(name), "a metric name begins with millrace_ or process_");
  const std::lock_guard lock(mutex_);
  auto& series = shared_.try_emplace(std::string(name)).first->second;
  if (series.help.empty()) series.help = help;
  return find_or_make(series, labels, [] { return std::make_unique<SharedCounter>(); });
}

void Registry::set_build(std::string version, std::string compiler) {
  const std::lock_guard lock(mutex_);
  build_ = {{"compiler", std::move(compiler)}, {"version", std::move(version)}};
}

std::string Registry::render(std::span<const GaugeSample> samples) const {
  Families families;
  {
    const std::lock_guard lock(mutex_);
    for (const CounterSet& set : sets_) set.add_to(families);
    for (const auto& [name, series] : shared_) {
      auto& to = family(families, name, series.help, prometheus::MetricType::Counter);
      for (const auto& [labels, counter] : series.by_labels) {
        to.values[labels] += static_cast<double>(counter->value());
      }
    }
    if (!build_.empty()) {
      family(families, "millrace_build_info", "What this program was built from.",
             prometheus::MetricType::Gauge)
          .values[build_] = 1;
    }
  }
  add_samples(families, samples);
  add_process(families);
  return to_text(families, prefix_);
}

}  // namespace mr::observability
