#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/bench_types.h"
#include "client/delta_reader.h"

namespace mr::cli {

// Decodes deltas for all connections of the process. What they get
// of a message is the same frame, so each distinct frame is decoded once; what a connection had
// before decides whether it could have decoded it.
class BenchDecoder {
 public:
  struct Message {
    BenchMark mark;
    std::uint64_t number = 0;  // 0: a plain message
    std::uint64_t base = 0;    // 0: it is whole
    bool is_keyed = false;
  };

  BenchDecoder();
  // Nothing: no message of ours. An error: it does not decode.
  std::optional<Message> read(std::string_view frame);
  const std::string& error() const { return error_; }

 private:
  static constexpr std::size_t kRemembered = 1024;
  struct Known {
    std::uint64_t hash = 0;
    std::optional<Message> message;
  };

  std::optional<Message> decode(std::string_view frame);

  client::DeltaReader reader_;
  std::array<Known, kRemembered> known_;  // by hash
  std::string error_;
};

}  // namespace mr::cli
