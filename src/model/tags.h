#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mr::model {

// What a publisher says of an event beside its data, for subscribers' filters.
struct Tag {
  std::string name;
  std::string value;

  bool operator==(const Tag&) const = default;
};

inline constexpr std::size_t kTagsMax = 64;  // of one event
inline constexpr std::size_t kTagNameBytesMax = 256;
inline constexpr std::size_t kTagValueBytesMax = 1024;

// Sorted by name, each name once: make_tags() gives it so, find_tag() needs it so.
using Tags = std::vector<Tag>;

// Of a name that comes twice the first one stays.
Tags make_tags(std::vector<Tag> unsorted);
// Null: there is no tag of that name.
const std::string* find_tag(const Tags& tags, std::string_view name);

}  // namespace mr::model
