#include "api/rates.h"

#include <algorithm>
#include <cmath>

namespace mr::api {

std::optional<std::uint32_t> Rates::take(const std::string& app_id, std::uint32_t per_second,
                                         std::size_t count, base::TimePoint now) {
  if (per_second == 0) return std::nullopt;
  const double rate = static_cast<double>(per_second) / loops_;
  const double room = std::max(rate, 1.0);
  if (buckets_.size() >= kAppsMax && !buckets_.contains(app_id)) buckets_.clear();
  const auto [found, is_new] = buckets_.try_emplace(app_id, Bucket{room, now});
  Bucket& bucket = found->second;
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.tokens = std::min(room, bucket.tokens + std::max(seconds, 0.0) * rate);
  bucket.filled = now;
  const double wanted = std::min(static_cast<double>(count), room);
  // Sums of parts of a token fall a little short of the whole.
  constexpr double kRounding = 1e-6;
  if (bucket.tokens + kRounding >= wanted) {
    bucket.tokens -= static_cast<double>(count);
    return std::nullopt;
  }
  const double wait = std::ceil((wanted - bucket.tokens) / rate - kRounding);
  return static_cast<std::uint32_t>(std::clamp(wait, 1.0, 3600.0));
}

}  // namespace mr::api
