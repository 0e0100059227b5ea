#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/envelope.h"
#include "cluster/messages.h"

struct z_stream_s;

namespace mr::cluster {

// What BatchMessage::envelopes holds: each envelope behind its length.
void append_entry(std::string& envelopes, std::string_view envelope);
std::size_t entry_size(std::string_view envelope);
// The first of `rest`, which loses it. Nothing: there is none, or `rest` ends inside it.
std::optional<std::string_view> take_entry(std::string_view& rest);

// Makes what was read usable: inflates it, and checks every entry. Nothing: it is good.
std::optional<base::Error<EnvelopeErrc>> unpack(BatchMessage& batch);

// Raw deflate (RFC 1951), fast rather than small.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Empty when it would not be smaller. `text` has at most kEnvelopeBytesMax.
  std::string deflate(std::string_view text);

 private:
  z_stream_s* stream_;
};

}  // namespace mr::cluster
