#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mr::observability {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

enum class LogErrc : std::uint8_t {
  kBadLevels,  // the detail names the part and the words that are allowed
  kBadFile,    // cannot be opened for appending
};

// "trace" ... "error", "off".
std::string_view to_text(Level level);
// Also "warning" for warn and "none" for off, any case.
std::optional<Level> parse_level(std::string_view text);

// A default and exceptions per component: "info,delta=debug". Components are [a-z0-9_.-],
// at most kComponentsMax of them; a later entry for the same component wins.
struct Levels {
  static constexpr std::size_t kComponentsMax = 64;
  Level fallback = Level::kInfo;
  std::vector<std::pair<std::string, Level>> by_component;

  static base::Result<Levels, LogErrc> parse(std::string_view text);
  Level of(std::string_view component) const;
  std::string to_text() const;
};

}  // namespace mr::observability
