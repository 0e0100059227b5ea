#include "observability/counter.h"

namespace mr::observability {

std::span<const double> latency_buckets() {
  static constexpr double kBounds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                       0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                       0.5,     1,      2.5,     5,      10};
  return kBounds;
}

std::span<const double> size_buckets() {
  static constexpr double kBounds[] = {64,    256,    1024,    4096,    16384,
                                       65536, 262144, 1048576, 4194304, 16777216};
  return kBounds;
}

std::span<const double> count_buckets() {
  static constexpr double kBounds[] = {1,   2,    5,    10,   20,    50,    100,   200,
                                       500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
  return kBounds;
}

}  // namespace mr::observability
