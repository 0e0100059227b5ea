// The delta codecs on pairs of texts from standard input: for the benchmark, and for the suite that
// compares them with other implementations.
//
// delta_bench encode fossil|vcdiff: reads (base, target), writes a delta for each pair.
// delta_bench decode fossil|vcdiff: reads (base, delta), writes the target of each; a refused one
// ends the program.
// delta_bench time [PASSES]: reads (base, target); prints as JSON microseconds and bytes per pair
// of both algorithms and of zlib level 6 with the base as dictionary, each the best of 25 passes in
// turn unless told.
//
// Texts are preceded by their size, 32 bits, little-endian.

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "delta/encoder.h"

namespace {

using mr::delta::Algorithm;

constexpr std::size_t kTextBytesMax = 64 << 20;
constexpr int kPasses = 25;  // enough for a quiet moment on a busy machine

struct Pair {
  std::string_view base;
  std::string_view other;
};

// Views of `bytes`; nothing when it ends within a text.
std::vector<Pair> split(std::string_view bytes) {
  const auto take = [&](std::string_view& text) {
    std::uint32_t size = 0;
    if (bytes.size() < sizeof size) return false;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (bytes.size() < size) return false;
    text = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return true;
  };
  std::vector<Pair> pairs;
  while (!bytes.empty()) {
    Pair pair;
    if (!take(pair.base) || !take(pair.other)) return {};
    pairs.push_back(pair);
  }
  return pairs;
}

void put(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  char head[sizeof size];
  std::memcpy(head, &size, sizeof size);
  out.append(head, sizeof size).append(text);
}

int encode(Algorithm algorithm, const std::vector<Pair>& pairs) {
  mr::delta::Encoder encoder;
  std::string delta;
  std::string out;
  for (const Pair& pair : pairs) {
    if (!encoder.encode(algorithm, pair.base, pair.other, kTextBytesMax, delta)) {
      std::cerr << "delta_bench: no delta for a text of " << pair.other.size() << " bytes\n";
      return 1;
    }
    put(out, delta);
  }
  std::cout << out;
  return 0;
}

int decode(Algorithm algorithm, const std::vector<Pair>& pairs) {
  std::string out;
  for (const Pair& pair : pairs) {
    const auto read = mr::delta::decode(algorithm, pair.base, pair.other, kTextBytesMax);
    if (!read) {
      std::cerr << "delta_bench: " << read.error().detail << "\n";
      return 1;
    }
    put(out, read.value());
  }
  std::cout << out;
  return 0;
}

struct Contender {
  const char* name;
  std::function<std::size_t(const Pair&)> encode;  // the size of what it made
  double best_us = 1e12;
  double bytes = 0;
};

// zlib as a server would use it: one stream, reset for each message.
class Deflate {
 public:
  Deflate() : out_(1 << 20) { deflateInit2(&stream_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY); }
  ~Deflate() { deflateEnd(&stream_); }
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;

  std::size_t encode(const Pair& pair) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    };
    deflateReset(&stream_);
    deflateSetDictionary(&stream_, bytes(pair.base), static_cast<uInt>(pair.base.size()));
    stream_.next_in = bytes(pair.other);
    stream_.avail_in = static_cast<uInt>(pair.other.size());
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
    deflate(&stream_, Z_FINISH);
    return out_.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  std::vector<Bytef> out_;
};

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

int time(const std::vector<Pair>& pairs, int passes) {
  mr::delta::Encoder encoder;
  Deflate deflate;
  std::string out;
  const auto ours = [&](Algorithm algorithm) {
    return [&, algorithm](const Pair& pair) {
      return encoder.encode(algorithm, pair.base, pair.other, kTextBytesMax, out) ? out.size()
                                                                                  : std::size_t{0};
    };
  };
  Contender contenders[] = {
      {"fossil", ours(Algorithm::kFossil)},
      {"vcdiff", ours(Algorithm::kVcdiff)},
      {"deflate", [&](const Pair& pair) { return deflate.encode(pair); }},
  };
  const auto count = static_cast<double>(std::max<std::size_t>(pairs.size(), 1));
  for (int pass = 0; pass < passes; ++pass) {
    for (Contender& contender : contenders) {
      std::size_t bytes = 0;
      const double begin = cpu_us();
      for (const Pair& pair : pairs) bytes += contender.encode(pair);
      contender.best_us = std::min(contender.best_us, (cpu_us() - begin) / count);
      contender.bytes = static_cast<double>(bytes) / count;
    }
  }
  const char* separator = "{";
  for (const Contender& contender : contenders) {
    std::printf("%s\"%s\":{\"us\":%.4f,\"bytes\":%.2f}", separator, contender.name,
                contender.best_us, contender.bytes);
    separator = ",";
  }
  std::puts("}");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const std::string_view name = argc > 2 ? argv[2] : "";
  const bool is_known = name == "fossil" || name == "vcdiff";
  const auto algorithm = name == "vcdiff" ? Algorithm::kVcdiff : Algorithm::kFossil;
  const std::string bytes(std::istreambuf_iterator<char>(std::cin), {});
  const auto pairs = split(bytes);
  if (is_known && command == "encode") return encode(algorithm, pairs);
  if (is_known && command == "decode") return decode(algorithm, pairs);
  if (command == "time") return time(pairs, argc > 2 ? std::atoi(argv[2]) : kPasses);
  std::cerr << "usage: delta_bench encode|decode fossil|vcdiff, or delta_bench time [PASSES]\n";
  return 2;
}
