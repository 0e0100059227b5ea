#pragma once

#include <cstddef>
#include <string>

namespace mr::observability {

struct LogOptions {
  std::string format = "auto";          // json, text, auto: text on a terminal, else json
  std::string level = "info";           // "info,delta=debug": default and per component
  std::string file;                     // empty: stderr; reopened on SIGUSR1
  std::size_t buffer_lines_max = 8192;  // waiting for the worker; more are dropped and counted
};

}  // namespace mr::observability
