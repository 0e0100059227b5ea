#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "config/settings.h"

namespace mr::config {

enum class FileErrc : unsigned char {
  kUnreadable,  // absent, not permitted or not a file; the detail is the system's reason
};

using Environment = std::map<std::string, std::string>;
using ReadFile = base::Function<base::Result<std::string, FileErrc>(const std::string& path)>;
// The system's reason why nothing can be appended to this file, which need not exist; else empty.
using WhyNotWritable = base::Function<std::string(const std::string& path)>;

// All that load() looks at: no hidden global state.
struct LoadInput {
  std::vector<std::string> args;  // after the program's name: flags only, no subcommand
  Environment environment;
  ReadFile read_file;
  WhyNotWritable why_not_writable;  // none: nobody looks
  std::string hostname{};           // of this machine; part of the name of a node without one
  std::string address{};            // of this machine, for nodes that are not told theirs
  std::uint32_t process = 0;        // id; part of that name when the port is 0
};

// Where the value of one key comes from.
struct Origin {
  std::string path;    // "metrics.port", "apps[0].secret"
  std::string value;   // as JSON; secrets are "****"
  std::string source;  // "default", "config.yaml:3:7", "env PORT", "--port"
};

struct LoadOutcome {
  Settings settings;                  // meaningful only without errors
  std::vector<std::string> warnings;  // each names the key and, from a file, line and column
  std::vector<std::string> errors;    // all of them, not only the first
  std::vector<Origin> origins;        // every key in table order, then the apps
  std::string config_path;            // empty: no file was named
  bool ok() const { return errors.empty(); }
};

// Defaults < file (--config) < environment < flags. Pure: the same input gives the same outcome;
// any thread. Without apps from any layer and without a file the outcome is a development node;
// with a file and no apps it is an error that names `apps`.
LoadOutcome load(LoadInput input);

// The process's own arguments, environment and files. `args` as in LoadInput.
LoadInput input_of_process(std::vector<std::string> args);

}  // namespace mr::config
