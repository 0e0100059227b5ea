#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/envelope.h"
#include "cluster/messages.h"
#include "cluster/types.h"

namespace mr::cluster {

// The part of an envelope between its header and its signature: fields, each an id that is local
// to the kind, a length and so many bytes. Used by EnvelopeCodec alone.

// Of a boot id: little-endian.
inline constexpr std::size_t kBootBytes = 8;
void append_boot(std::string& out, BootId boot);
// `bytes` holds at least kBootBytes.
BootId read_boot(std::string_view bytes);

// What append_fields() appends.
std::size_t fields_size(const Message& message);
void append_fields(std::string& out, const Message& message);

// `message` is a fresh one of the kind that the fields belong to. Ids that the kind does not have
// are skipped. Nothing outside `bytes` is read, and no list is longer than what they hold.
std::optional<base::Error<EnvelopeErrc>> read_fields(std::string_view bytes, Message& message);

}  // namespace mr::cluster
