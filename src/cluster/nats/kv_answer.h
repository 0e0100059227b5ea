#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "json/parser.h"

namespace mr::cluster::nats {

// What JetStream answered to a read or a write of a key.
struct KvAnswer {
  enum class Kind : std::uint8_t {
    kWritten,   // `sequence`
    kRead,      // `sequence`, `value`
    kMarker,    // `sequence` of a mark that the key was deleted
    kAbsent,    // there is no such key
    kConflict,  // its last sequence is another one
    kGone,      // there is no such bucket any more
    kRefused,   // `text`: the server's reason
    kUnread,    // it is none of its answers; `text` says why
  };
  Kind kind = Kind::kUnread;
  std::uint64_t sequence = 0;
  std::string value{};
  std::string text{};
  std::string subject{};                    // of a message that was read
  std::optional<base::WallTime> written{};  // by the server's clock, where it tells it
};

// Of the bytes of an answer; no bytes are what a server sends when nobody serves the subject.
KvAnswer read_kv_answer(json::Parser& parser, std::string_view bytes);

}  // namespace mr::cluster::nats
