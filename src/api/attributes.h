#pragma once

#include <string_view>

#include "api/errc.h"
#include "channel/service.h"
#include "json/writer.h"

namespace mr::api {

// What an `info` parameter asks for.
struct Attributes {
  bool user_count = false;
  bool subscription_count = false;
  bool cache = false;
  bool level = false;  // of publishes: whom they came to

  bool any() const { return user_count || subscription_count || cache; }
};

// "user_count,subscription_count,cache,level"; an unknown name is an error.
base::Result<Attributes, Errc> read_attributes(std::string_view text);

// The counts asked for, as members of the open object. user_count only of presence channels.
void write_counts(json::Writer& writer, const Attributes& wanted,
                  const channel::ChannelCounts& counts, bool is_presence);

}  // namespace mr::api
