#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/types.h"

namespace mr::cluster {

// What one node may have of what is limited under one name, by its own statement.
struct QuotaSlice {
  std::string scope;
  BootId boot = BootId::kNone;
  std::uint64_t epoch = 0;  // of the registration under which it was stated
  std::uint32_t size = 0;
  std::uint32_t want = 0;  // that it lacks
  bool operator==(const QuotaSlice&) const = default;
};

// The slices of some names in one record of the store. Text lines:
//   quota 1
//   slice SCOPE BOOT EPOCH SIZE WANT   the scope percent-coded, the boot in 16 hex digits
struct QuotaPage {
  static constexpr std::size_t kSlicesMax = 16 * 1024;

  std::vector<QuotaSlice> slices;

  QuotaSlice* find(std::string_view scope, BootId boot);
  bool operator==(const QuotaPage&) const = default;
};

// Empty for a page without slices, and read as one.
std::string encode_quota(const QuotaPage& page);
std::optional<QuotaPage> parse_quota(std::string_view text);

// The record that has this scope's slices: one for each app, one of 256 for users.
std::string quota_record_of(std::string_view scope);
inline constexpr std::uint32_t kUserPages = 256;
std::string user_page(std::uint32_t number);

}  // namespace mr::cluster
