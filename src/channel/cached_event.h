#pragma once

#include <cstdint>
#include <string>

#include "model/tags.h"

namespace mr::channel {

// Which of two events of a cache channel is the newer one, whatever nodes they were published at.
struct CacheVersion {
  std::uint64_t time = 0;    // of the nodes' common clock
  std::uint64_t origin = 0;  // the boot that released it
  std::uint64_t number = 0;  // on its bus partition; not compared

  bool is_newer_than(const CacheVersion& other) const {
    return time != other.time ? time > other.time : origin > other.origin;
  }
  bool is(const CacheVersion& other) const { return time == other.time && origin == other.origin; }
};

struct CachedEvent {
  std::string event;
  std::string data;               // JSON text of the member as published
  model::Tags tags = {};          // for subscribers' filters
  std::uint32_t ttl_seconds = 0;  // what is left
  CacheVersion version = {};
  bool is_ahead = false;  // known from the store alone: the message itself may still come
};

}  // namespace mr::channel
