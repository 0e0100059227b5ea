#include "observability/level.h"

#include <algorithm>
#include <array>

#include "base/cut_utf8.h"
#include "observability/escape.h"

namespace mr::observability {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                    "warn",  "error", "off"};
constexpr std::size_t kComponentBytesMax = 32;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_component(std::string_view text) {
  return !text.empty() && text.size() <= kComponentBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
         });
}

base::Error<LogErrc> bad(std::string_view part, std::string_view remedy) {
  std::string detail = "\"";
  append_escaped(detail, base::cut_utf8(part, 64));
  detail += "\" in the log levels ";
  detail += remedy;
  return {LogErrc::kBadLevels, std::move(detail)};
}

constexpr std::string_view kNotALevel =
    "is not a level; use trace, debug, info, warn, error or off, e.g. info,session=debug";

}  // namespace

std::string_view to_text(Level level) { return kNames[static_cast<std::size_t>(level)]; }

std::optional<Level> parse_level(std::string_view text) {
  const std::string name = lower(text);
  if (name == "warning") return Level::kWarn;
  if (name == "none") return Level::kOff;
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Level>(found - kNames.begin());
}

base::Result<Levels, LogErrc> Levels::parse(std::string_view text) {
  if (trim(text).empty()) return bad(text, kNotALevel);
  Levels levels;
  while (true) {
    const auto comma = text.find(',');
    const std::string_view part = trim(text.substr(0, comma));
    const auto equals = part.find('=');
    const auto level = parse_level(trim(equals == part.npos ? part : part.substr(equals + 1)));
    if (!level) return bad(part, kNotALevel);
    if (equals == part.npos) {
      levels.fallback = *level;
    } else {
      const std::string_view component = trim(part.substr(0, equals));
      if (!is_component(component)) {
        return bad(part,
                   "does not name a component; use up to 32 characters of a-z 0-9 _ . -, e.g. "
                   "info,session=debug");
      }
      std::erase_if(levels.by_component, [&](const auto& e) { return e.first == component; });
      levels.by_component.emplace_back(component, *level);
      if (levels.by_component.size() > kComponentsMax) {
        return bad(part, "is one component too many; at most 64 can be named");
      }
    }
    if (comma == text.npos) return levels;
    text.remove_prefix(comma + 1);
  }
}

Level Levels::of(std::string_view component) const {
  const auto found = std::find_if(by_component.begin(), by_component.end(),
                                  [&](const auto& entry) { return entry.first == component; });
  return found == by_component.end() ? fallback : found->second;
}

std::string Levels::to_text() const {
  std::string out(observability::to_text(fallback));
  for (const auto& [component, level] : by_component) {
    out += "," + component + "=";
    out += observability::to_text(level);
  }
  return out;
}

}  // namespace mr::observability
