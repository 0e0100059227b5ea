#pragma once

#include <cstdint>
#include <string>

namespace mr::cluster {

// One start of a node's process: random, never 0. A name may come back with another boot; order,
// duplicates and gaps are judged by boot alone.
enum class BootId : std::uint64_t { kNone = 0 };

// 16 hexadecimal digits.
std::string to_text(BootId boot);

// What envelopes are published to: a bus partition (hash of app and channel), or the control
// subject that every node hears.
enum class Subject : std::uint32_t { kControl = UINT32_MAX };

// A subscription of one subject, numbered by whoever asks: the reply to an older one confirms
// nothing.
enum class Generation : std::uint32_t { kNone = 0 };

constexpr Subject partition_subject(std::uint32_t partition) {
  return static_cast<Subject>(partition);
}
constexpr std::uint32_t number_of(Subject subject) { return static_cast<std::uint32_t>(subject); }

}  // namespace mr::cluster
