#pragma once

#include <string_view>

#include "observability/log_target.h"

namespace mr::test {

// Takes every line of the log and keeps none.
class SilentTarget final : public observability::LogTarget {
 public:
  std::size_t write(std::string_view lines) override { return lines.size(); }
  bool reopen() override { return true; }
  bool is_terminal() const override { return false; }
  bool takes_color() const override { return false; }
};

}  // namespace mr::test
