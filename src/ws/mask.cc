#include "ws/mask.h"

#include <cstdint>
#include <cstring>

namespace mr::ws {
namespace {

void xor_word(std::byte* at, std::uint64_t key) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  word ^= key;
  std::memcpy(at, &word, sizeof(word));
}

}  // namespace

void apply_mask(std::span<std::byte> bytes, MaskKey key, std::size_t offset) {
  std::array<std::byte, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % 4];
  std::uint64_t word_key;
  std::memcpy(&word_key, turned.data(), sizeof(word_key));

  std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 32; left -= 32, at += 32) {
    xor_word(at, word_key);
    xor_word(at + 8, word_key);
    xor_word(at + 16, word_key);
    xor_word(at + 24, word_key);
  }
  for (; left >= 8; left -= 8, at += 8) xor_word(at, word_key);
  for (std::size_t i = 0; i < left; ++i) at[i] ^= turned[i];
}

}  // namespace mr::ws
