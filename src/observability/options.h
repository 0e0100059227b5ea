#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.h"

namespace mr::observability {

// Who writes log lines, sorted: what MILLRACE_LOG and /admin/log-level may name.
inline constexpr std::array<std::string_view, 7> kLogComponents = {
    "admin", "api", "cluster", "delta", "log", "node", "session"};

// What is wrong with the name of a component, for the one who wrote it; empty: nothing.
inline std::string check_log_component(std::string_view name) {
  const std::vector<std::string> known(kLogComponents.begin(), kLogComponents.end());
  std::string all;
  for (const std::string& component : known) {
    if (component == name) return {};
    all += (all.empty() ? "" : ", ") + component;
  }
  const std::string near = base::nearest(name, known);
  return "names no component of the log; " +
         (near.empty() ? std::string() : "did you mean " + near + "? ") + "components are " + all;
}

// A letter, then letters, digits and '_', no '_' at the end; at most 64 bytes.
inline bool is_metric_prefix(std::string_view prefix) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (prefix.empty() || prefix.size() > 64 || !is_letter(prefix.front())) return false;
  for (const char c : prefix) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return prefix.back() != '_';
}

struct LogOptions {
  std::string format = "auto";          // json, text, auto: text on a terminal, else json
  std::string level = "info";           // "info,delta=debug": default and per component
  std::string file;                     // empty: stderr; reopened on SIGUSR1
  std::size_t buffer_lines_max = 8192;  // waiting for the worker; more are dropped and counted
};

}  // namespace mr::observability
