#include "cluster/counter.h"

#include <algorithm>
#include <charconv>

#include "base/percent.h"

namespace mr::cluster {
namespace {

constexpr std::string_view kInNames = ":%{}";
constexpr std::string_view kInWireKeys = ":{}";

std::string escape(std::string_view text, std::string_view what) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (what.find(c) == std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

// What escape() made of a wire key; its other escapes are the key's own.
std::string unescape_wire_key(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view code = text.substr(at, 3);
    const bool is_ours = code == "%3A" || code == "%7B" || code == "%7D";
    out.push_back(is_ours ? (code[2] == 'A' ? ':' : code[2] == 'B' ? '{' : '}') : text[at]);
    if (is_ours) at += 2;
  }
  return out;
}

std::uint32_t take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::string counter_name(const CounterKey& key) {
  return escape(key.app_id, kInNames) + ":" + key.channel + ":" +
         escape(key.conflation_key, kInWireKeys);
}

std::optional<CounterKey> parse_counter_name(std::string_view name) {
  const std::size_t first = name.find(':');
  const std::size_t last = name.rfind(':');
  if (first == std::string_view::npos || first == last || last + 1 == name.size()) {
    return std::nullopt;
  }
  auto app_id = base::percent_decode(name.substr(0, first));
  if (!app_id) return std::nullopt;
  CounterKey key = {std::move(*app_id), std::string(name.substr(first + 1, last - first - 1)),
                    unescape_wire_key(name.substr(last + 1))};
  if (counter_name(key) != name) return std::nullopt;
  return key;
}

std::string format_count(const Count& count) {
  return std::to_string(count.count) + "/" + std::to_string(count.interval) + " " + count.node;
}

bool is_wanted(const CounterQuery& query, const CounterKey& key) {
  return (query.app_id.empty() || query.app_id == key.app_id) &&
         (query.channel.empty() || query.channel == key.channel);
}

std::string unknown_cursor(std::string_view cursor) {
  constexpr std::size_t kShown = 100;
  return "the cursor \"" + std::string(cursor.substr(0, kShown)) +
         "\" leads nowhere: take the one that the page before gave, or begin without one";
}

Count parse_count(std::string_view text) {
  Count count;
  const std::size_t bytes = text.size();
  count.count = take_number(text);
  if (text.size() == bytes || !text.starts_with('/')) return {};
  text.remove_prefix(1);
  count.interval = take_number(text);
  if (!text.starts_with(' ') || count.interval == 0) return {};
  count.node = text.substr(1);
  return count;
}

}  // namespace mr::cluster
