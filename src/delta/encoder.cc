#include "delta/encoder.h"

#include "delta/fossil.h"

namespace mr::delta {

bool Encoder::encode(Algorithm algorithm, std::string_view base, std::string_view target,
                     std::size_t delta_bytes_max, std::string& out) {
  if (base.size() > kTextBytesMax || target.size() > kTextBytesMax) return false;
  switch (algorithm) {
    case Algorithm::kFossil:
      if (!fossil_.match(base, target, delta_bytes_max)) return false;
      write_fossil(target, fossil_.copies(), out);
      break;
    case Algorithm::kVcdiff:
      if (!vcdiff_.match(base, target, delta_bytes_max)) return false;
      vcdiff_writer_.write(base.size(), target, vcdiff_.copies(), out);
      break;
  }
  return out.size() <= delta_bytes_max;
}

base::Result<std::string, Errc> decode(Algorithm algorithm, std::string_view base,
                                       std::string_view delta, std::size_t target_bytes_max) {
  return algorithm == Algorithm::kFossil ? decode_fossil(base, delta, target_bytes_max)
                                         : decode_vcdiff(base, delta, target_bytes_max);
}

}  // namespace mr::delta
