// conformance_client HOST PORT PATH [ID-PREFIX]: runs the cases against a server that echoes
// messages at PATH, each on its own connection. The server must take messages of 16 MiB.

#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/random.h"
#include "conformance/runner.h"
#include "conformance/socket_transport.h"

namespace {

using mr::conformance::Target;

std::optional<std::string> run(const mr::conformance::CaseEntry& entry, const Target& target,
                               mr::base::Random& random) {
  auto transport = mr::conformance::SocketTransport::connect(target, random);
  if (!transport) return transport.error().detail;
  return mr::conformance::run_case(entry.make(), *transport.value());
}

}  // namespace

int main(int argc, char** argv) {
  Target target;
  if (argc >= 4) {
    target = {.host = argv[1], .port = 0, .path = argv[3]};
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), target.port);
  }
  if (target.port == 0) {
    std::fprintf(stderr, "usage: conformance_client HOST PORT PATH [ID-PREFIX]\n");
    return 2;
  }
  const std::string prefix = argc > 4 ? argv[4] : "";
  mr::base::SystemRandom random;
  int passed = 0;
  int failed = 0;
  for (const auto& entry : mr::conformance::all_cases()) {
    if (!entry.id.starts_with(prefix)) continue;
    const auto why = run(entry, target, random);
    ++(why ? failed : passed);
    if (why) std::printf("case %s: %s\n", entry.id.c_str(), why->c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
