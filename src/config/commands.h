#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace mr::config {

using Print = base::Function<void(std::string_view)>;

// What the small subcommands write to. Lines come with their line break.
struct Console {
  Print out;
  Print err;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitConfig = 2;  // the configuration or the command line is wrong

// `args` begin with the subcommand: check, config, version, completion, help; or are --help,
// --version. Nothing when the first argument is none of these: the caller starts a node or another
// tool. `input` gives environment and files; its args are not used.
std::optional<int> run_command(std::vector<std::string> args, LoadInput input, Console& console);

int run_check(std::vector<std::string> args, LoadInput input, Console& console);
int run_config_show(std::vector<std::string> args, LoadInput input, Console& console);
int run_completion(std::string_view shell, Console& console);

// Prints warnings and errors, each on a line that begins with "warning: " or "error: ".
void print_problems(const LoadOutcome& outcome, Print& err);

// Every subcommand, those of other folders too.
std::vector<std::string> command_names();

std::string version_text();
std::string help_text();
// The text of docs/configuration.md.
std::string reference_page();

}  // namespace mr::config
