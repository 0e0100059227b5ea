#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace mr::config {

inline constexpr char kApp[] = "apps: [{id: a, key: k, secret: s}]\n";

// Files that exist only for one test.
inline LoadInput make_input(std::vector<std::string> args, Environment environment = {},
                            std::map<std::string, std::string> files = {}) {
  LoadInput input{std::move(args), std::move(environment), {}, {}};
  input.read_file =
      [files = std::move(files)](const std::string& path) -> base::Result<std::string, FileErrc> {
    const auto at = files.find(path);
    if (at == files.end()) {
      return base::Error<FileErrc>{FileErrc::kUnreadable, "No such file or directory"};
    }
    return at->second;
  };
  input.why_not_writable = [](const std::string& path) -> std::string {
    return path.starts_with("/missing/") ? "No such file or directory" : "";
  };
  input.hostname = "web1";
  input.address = "10.0.0.1";
  return input;
}

inline LoadOutcome load_text(const std::string& text, Environment environment = {},
                             std::vector<std::string> args = {}) {
  args.insert(args.begin(), {"--config", "c.yaml"});
  return load(make_input(std::move(args), std::move(environment), {{"c.yaml", text}}));
}

inline LoadOutcome load_set(const std::vector<std::string>& assignments,
                            Environment environment = {}) {
  std::vector<std::string> args;
  for (const std::string& assignment : assignments) {
    args.push_back("--set");
    args.push_back(assignment);
  }
  return load(make_input(std::move(args), std::move(environment)));
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

inline std::string origin_of(const LoadOutcome& outcome, const std::string& path) {
  for (const Origin& origin : outcome.origins) {
    if (origin.path == path) return origin.source;
  }
  return "absent";
}

inline std::string value_of(const LoadOutcome& outcome, const std::string& path) {
  for (const Origin& origin : outcome.origins) {
    if (origin.path == path) return origin.value;
  }
  return "absent";
}

}  // namespace mr::config
