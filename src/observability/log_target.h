#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "observability/level.h"

namespace mr::observability {

// Where finished lines go. Used by one thread at a time. Tests give their own.
class LogTarget {
 public:
  virtual ~LogTarget() = default;
  // Returns how many bytes were written; the rest is lost (disk full, reader gone, or a reader
  // that took nothing for half a second).
  virtual std::size_t write(std::string_view lines) = 0;
  // A rotated file is opened anew; false when that failed: the old one stays in use.
  virtual bool reopen() = 0;
  // Text is for people: format "auto" asks this.
  virtual bool is_terminal() const = 0;
  // A terminal, and the environment does not forbid colours (NO_COLOR, TERM=dumb).
  virtual bool takes_color() const = 0;
};

// stderr for an empty path, else the file, appended to and created with mode 0640.
base::Result<std::unique_ptr<LogTarget>, LogErrc> open_log_target(const std::string& path);

}  // namespace mr::observability
