#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mr::api {

// Cross-origin answers (Fetch standard, CORS protocol).
struct CorsOptions {
  bool credentials = true;                  // the answer then names the origin instead of `*`
  std::vector<std::string> origin = {"*"};  // empty: no cross-origin answers
  std::vector<std::string> methods = {"GET", "POST", "OPTIONS"};
  std::vector<std::string> allowed_headers = {"Authorization", "Content-Type", "X-Requested-With",
                                              "Accept", "X-Idempotency-Key"};
};

struct Options {
  CorsOptions cors;
  // A signed POST that was seen before is answered with the first one's answer and has no effect.
  // Off: SDKs sign with a resolution of one second, so equal triggers are byte-identical. The
  // answers are kept where idempotency keys are, which must hold them as long as a signature may
  // be valid: channel::Options::idempotency_ttl >= kReplayWindowSeconds.
  bool replay_cache = false;
  bool idempotency = true;  // honour idempotency keys of publishes
  std::uint32_t idempotency_key_length_max = 128;
};

// A timestamp may be 600 s ahead and stays valid until it is 600 s behind.
inline constexpr std::uint32_t kReplayWindowSeconds = 1200;

}  // namespace mr::api
