#include "config/commands.h"

#include <algorithm>
#include <array>

#include "config/coordination_rules.h"
#include "config/schema.h"

namespace mr::config {
namespace {

int refuse(Console& console, const std::string& text) {
  console.err("error: " + text + "\n");
  return kExitConfig;
}

// Removes a switch from the arguments and tells whether it was there.
bool take_switch(std::vector<std::string>& args, std::string_view name) {
  return std::erase(args, name) > 0;
}

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& item : list) out += (out.empty() ? "" : " ") + item;
  return out;
}

std::vector<std::string> completion_flags() {
  std::vector<std::string> flags = {"--config", "--set", "--help", "--version"};
  for (const Key& key : all_keys()) {
    if (!key.flag.empty() && key.since == Since::kAvailable) flags.emplace_back(key.flag);
  }
  return flags;
}

std::vector<std::string> completion_keys() {
  std::vector<std::string> keys;
  for (const Key& key : all_keys()) {
    if (key.since == Since::kAvailable && !key.is_app_key())
      keys.push_back(std::string(key.path) + "=");
  }
  return keys;
}

// The tools know their own flags: completion reads their help when it is asked.
std::string tool_flags(const std::string& command) {
  return command + " --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u";
}

std::string bash_completion() {
  return "# bash completion for millrace: source <(millrace completion bash)\n"
         "_millrace() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  case $prev in\n"
         "    --config|-c|check) COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n"
         "    --set) COMPREPLY=($(compgen -W '" +
         join(completion_keys()) +
         "' -- \"$cur\")); compopt -o nospace 2>/dev/null; return;;\n"
         "    config) COMPREPLY=($(compgen -W 'show docs' -- \"$cur\")); return;;\n"
         "    show) COMPREPLY=($(compgen -W '--origin --json' -- \"$cur\")); return;;\n"
         "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return;;\n"
         "  esac\n"
         "  case ${COMP_WORDS[1]} in\n"
         "    bench|replay|trigger|subscribe|top|cluster|bus)\n"
         "      [[ ${COMP_WORDS[1]} == replay && $cur != -* ]] && "
         "{ COMPREPLY=($(compgen -f -- \"$cur\")); return; }\n"
         "      COMPREPLY=($(compgen -W \"$(" +
         tool_flags("${COMP_WORDS[0]} ${COMP_WORDS[1]}") +
         ")\" -- \"$cur\")); return;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W '" +
         join(command_names()) + " " + join(completion_flags()) +
         "' -- \"$cur\"))\n"
         "}\n"
         "complete -F _millrace millrace\n";
}

std::string zsh_completion() {
  return "#compdef millrace\n"
         "# zsh completion for millrace: put this into a file _millrace on the fpath\n"
         "case $words[2] in\n"
         "  replay) [[ $words[CURRENT] == -* ]] || { _files; return; };|\n"
         "  bench|replay|trigger|subscribe|top|cluster|bus) compadd -- ${(f)\"$(" +
         tool_flags("$words[1] $words[2]") +
         ")\"}; return;;\n"
         "esac\n"
         "case $words[CURRENT-1] in\n"
         "  --config|-c|check) _files;;\n"
         "  --set) compadd -S '' -- " +
         join(completion_keys()) +
         ";;\n"
         "  config) compadd -- show docs;;\n"
         "  show) compadd -- --origin --json;;\n"
         "  completion) compadd -- bash zsh fish;;\n"
         "  *) compadd -- " +
         join(command_names()) + " " + join(completion_flags()) +
         ";;\n"
         "esac\n";
}

std::string fish_completion() {
  std::string out =
      "# fish completion for millrace: millrace completion fish | source\n"
      "complete -c millrace -f -n __fish_use_subcommand -a '" +
      join(command_names()) +
      "'\n"
      "complete -c millrace -n '__fish_seen_subcommand_from config' -a 'show docs'\n"
      "complete -c millrace -n '__fish_seen_subcommand_from completion' "
      "-a 'bash zsh fish'\n"
      "complete -c millrace -n '__fish_seen_subcommand_from check replay' -F\n"
      "for tool in bench replay trigger subscribe top cluster bus\n"
      "  complete -c millrace -n \"__fish_seen_subcommand_from $tool\" -a \"(" +
      tool_flags("millrace $tool") +
      ")\"\n"
      "end\n"
      "complete -c millrace -l config -s c -r -F\n"
      "complete -c millrace -l set -x -a '" +
      join(completion_keys()) + "'\n";
  for (const std::string& flag : completion_flags()) {
    if (flag == "--config" || flag == "--set") continue;
    const bool is_alone = flag == "--help" || flag == "--version";
    out += "complete -c millrace -l " + flag.substr(2) + (is_alone ? "" : " -x") + "\n";
  }
  return out;
}

void print_json(const LoadOutcome& outcome, bool with_origin, Print& out) {
  std::string text = "{";
  for (const Origin& origin : outcome.origins) {
    text += (text.size() > 1 ? ",\n " : "\n ") + quote(origin.path) + ": ";
    if (with_origin) {
      text += "{\"value\": " + origin.value + ", \"origin\": " + quote(origin.source) + "}";
    } else {
      text += origin.value;
    }
  }
  out(text + "\n}\n");
}

void print_lines(const LoadOutcome& outcome, bool with_origin, Print& out) {
  std::size_t width = 0;
  for (const Origin& origin : outcome.origins) {
    width = std::max(width, origin.path.size() + origin.value.size() + 2);
  }
  width = std::min<std::size_t>(width, 72);
  for (const Origin& origin : outcome.origins) {
    std::string line = origin.path + ": " + origin.value;
    if (with_origin) {
      line.resize(std::max(line.size(), width), ' ');
      line += "  # " + origin.source;
    }
    out(line + "\n");
  }
}

int run_config(std::vector<std::string> args, LoadInput input, Console& console) {
  const std::string verb = args.empty() ? "" : args.front();
  if (!args.empty()) args.erase(args.begin());
  if (verb == "show") return run_config_show(std::move(args), std::move(input), console);
  if (verb == "docs" && args.empty()) {
    console.out(reference_page());
    return kExitOk;
  }
  return refuse(console, "millrace config: say `show [--origin] [--json]` or `docs`");
}

bool is_tool(std::string_view command) {
  constexpr std::array<std::string_view, 7> kTools = {"bench", "replay",  "trigger", "subscribe",
                                                      "top",   "cluster", "bus"};
  return std::ranges::find(kTools, command) != kTools.end();
}

// Behind a command or another flag as well; the tools have a help of their own.
bool asks_for_help(std::string_view command, const std::vector<std::string>& rest) {
  const auto is_help = [](std::string_view arg) { return arg == "--help" || arg == "-h"; };
  if (is_help(command)) return true;
  return !is_tool(command) && std::any_of(rest.begin(), rest.end(), is_help);
}

}  // namespace

void print_problems(const LoadOutcome& outcome, Print& err) {
  for (const std::string& warning : outcome.warnings) err("warning: " + warning + "\n");
  for (const std::string& error : outcome.errors) err("error: " + error + "\n");
}

int run_check(std::vector<std::string> args, LoadInput input, Console& console) {
  if (!args.empty() && !args.front().starts_with('-')) args.insert(args.begin(), "--config");
  input.args = std::move(args);
  const LoadOutcome outcome = load(std::move(input));
  print_problems(outcome, console.err);
  if (!outcome.ok()) {
    console.err(std::to_string(outcome.errors.size()) + " problem(s); nothing would be started\n");
    return kExitConfig;
  }
  for (const std::string& line : uncoordinated_channels(outcome.settings)) {
    console.out(line + "\n");
  }
  console.out(outcome.config_path + (outcome.config_path.empty() ? "" : ": ") + "valid: " +
              (outcome.settings.development
                   ? std::string("a development node")
                   : std::to_string(outcome.settings.apps.size()) + " app(s)") +
              ", " + std::to_string(outcome.warnings.size()) + " warning(s)\n");
  return kExitOk;
}

int run_config_show(std::vector<std::string> args, LoadInput input, Console& console) {
  const bool with_origin = take_switch(args, "--origin");
  const bool as_json = take_switch(args, "--json");
  input.args = std::move(args);
  const LoadOutcome outcome = load(std::move(input));
  print_problems(outcome, console.err);
  if (as_json)
    print_json(outcome, with_origin, console.out);
  else
    print_lines(outcome, with_origin, console.out);
  return outcome.ok() ? kExitOk : kExitConfig;
}

int run_completion(std::string_view shell, Console& console) {
  if (shell == "bash")
    console.out(bash_completion());
  else if (shell == "zsh")
    console.out(zsh_completion());
  else if (shell == "fish")
    console.out(fish_completion());
  else
    return refuse(console, "millrace completion: say `bash`, `zsh` or `fish`");
  return kExitOk;
}

std::vector<std::string> command_names() {
  return {"start",  "check",   "config",    "version", "completion", "help", "bench",
          "replay", "trigger", "subscribe", "top",     "cluster",    "bus",  "doctor"};
}

std::string version_text() { return "millrace " MR_VERSION "\n"; }

std::optional<int> run_command(std::vector<std::string> args, LoadInput input, Console& console) {
  if (args.empty()) return std::nullopt;
  const std::string command = args.front();
  args.erase(args.begin());
  if (command == "help" || asks_for_help(command, args)) {
    console.out(help_text());
    return kExitOk;
  }
  if (command == "--version" || command == "version") {
    console.out(version_text());
    return kExitOk;
  }
  if (command == "check") return run_check(std::move(args), std::move(input), console);
  if (command == "config") return run_config(std::move(args), std::move(input), console);
  if (command == "completion") {
    return run_completion(args.size() == 1 ? args.front() : "", console);
  }
  return std::nullopt;
}

}  // namespace mr::config
