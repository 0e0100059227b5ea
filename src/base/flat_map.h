#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace mr::base {

// Never iterate one of these to decide anything: the order is not ours.
template <class K, class V, class H = boost::hash<K>, class E = std::equal_to<>>
using FlatMap = boost::unordered_flat_map<K, V, H, E>;
template <class K, class H = boost::hash<K>, class E = std::equal_to<>>
using FlatSet = boost::unordered_flat_set<K, H, E>;

// Text keys that peers choose are hashed with a random seed, set once per map.
struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::uint64_t seed = 0;
  std::size_t operator()(std::string_view text) const { return seeded_hash(text, seed); }
};

template <class V>
using TextMap = FlatMap<std::string, V, TextHash, std::equal_to<>>;
// The key is a view of text inside the value's object, which must stay where it is.
template <class V>
using TextViewMap = FlatMap<std::string_view, V, TextHash, std::equal_to<>>;
using TextSet = FlatSet<std::string, TextHash, std::equal_to<>>;

}  // namespace mr::base
