// A configuration file, YAML or JSON with comments, through the whole of loading. A file is read as
// one piece, so there are no cuts; the first byte chooses where the text comes from: the file, the
// environment or the flags (one per line, the first for --set).

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/commands.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0 || size > 16384) return 0;
  const std::string text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  mr::config::LoadInput input;
  input.read_file =
      [&text](const std::string&) -> mr::base::Result<std::string, mr::config::FileErrc> {
    return text;
  };
  switch (bytes[0] % 4) {
    case 0:
      input.environment = {{"MILLRACE__APPS", text},
                           {"MILLRACE__METRICS", text},
                           {"CORS_ORIGINS", text},
                           {"MILLRACE__" + text.substr(0, text.find('=')), "[1"}};
      break;
    case 1:
      input.args = {"--set"};
      for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        input.args.push_back(text.substr(begin, end - begin));
        begin = end + 1;
      }
      break;
    default:
      input.args = {"--config", "fuzz"};
      input.environment = {{"NAME", "value"}};
  }
  const mr::config::LoadOutcome outcome = mr::config::load(std::move(input));
  // A good outcome has what a node needs.
  if (outcome.ok() && outcome.settings.apps.empty()) std::abort();
  if (outcome.ok() && outcome.settings.host.empty()) std::abort();
  return 0;
}
