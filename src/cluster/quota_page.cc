#include "cluster/quota_page.h"

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/percent.h"
#include "cluster/record_words.h"

namespace mr::cluster {
namespace {

constexpr std::string_view kFirstLine = "quota 1";

bool parse_slice(std::string_view line, QuotaPage& page) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  RecordWords words(line);
  if (words.word() != "slice") return false;
  const auto scope = words.word();
  const auto boot = words.boot();
  const auto epoch = words.number(), size = words.number(), want = words.number();
  if (!scope || !boot || !epoch || !size || !want || !words.is_done()) return false;
  if (*size > kMax || *want > kMax || page.slices.size() >= QuotaPage::kSlicesMax) return false;
  auto decoded = base::percent_decode(*scope);
  if (!decoded) return false;
  page.slices.push_back({*std::move(decoded), *boot, *epoch, static_cast<std::uint32_t>(*size),
                         static_cast<std::uint32_t>(*want)});
  return true;
}

}  // namespace

QuotaSlice* QuotaPage::find(std::string_view scope, BootId boot) {
  const auto found = std::ranges::find_if(
      slices, [&](const QuotaSlice& slice) { return slice.boot == boot && slice.scope == scope; });
  return found == slices.end() ? nullptr : &*found;
}

std::string encode_quota(const QuotaPage& page) {
  if (page.slices.empty()) return {};
  std::string text(kFirstLine);
  for (const QuotaSlice& slice : page.slices) {
    text += "\nslice " + base::percent_encode(slice.scope) + " " + boot_text(slice.boot) + " " +
            std::to_string(slice.epoch) + " " + std::to_string(slice.size) + " " +
            std::to_string(slice.want);
  }
  return text;
}

std::optional<QuotaPage> parse_quota(std::string_view text) {
  QuotaPage page;
  if (text.empty()) return page;
  if (!text.starts_with(kFirstLine)) return std::nullopt;
  text.remove_prefix(kFirstLine.size());
  while (!text.empty()) {
    if (text.front() != '\n') return std::nullopt;
    text.remove_prefix(1);
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!parse_slice(text.substr(0, end), page)) return std::nullopt;
    text.remove_prefix(end);
  }
  return page;
}

std::string user_page(std::uint32_t number) { return "quota.user." + std::to_string(number); }

std::string quota_record_of(std::string_view scope) {
  if (!scope.starts_with("user:")) return "quota." + std::string(scope);
  return user_page(static_cast<std::uint32_t>(base::placing_hash("quota", scope) % kUserPages));
}

}  // namespace mr::cluster
