#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace mr::ws {

using MaskKey = std::array<std::byte, 4>;

// Masks or unmasks in place (RFC 6455 5.3; the operation is its own inverse). `offset` is the
// position of bytes[0] within the frame's payload, for payloads that come in pieces.
void apply_mask(std::span<std::byte> bytes, MaskKey key, std::size_t offset = 0);

}  // namespace mr::ws
