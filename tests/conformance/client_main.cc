// conformance_client [--cut] HOST PORT PATH [ID-PREFIX]: runs the cases against a server that
// echoes messages at PATH, each on its own connection. The server must take messages of 16 MiB.
// With
// --cut each stream goes out in single bytes, what is behind the first 16 KiB in random pieces.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/random.h"
#include "conformance/cut_transport.h"
#include "conformance/runner.h"
#include "conformance/socket_transport.h"

namespace {

using mr::conformance::Target;

constexpr std::uint64_t kSeed = 6455;
constexpr std::size_t kSingleBytes = 16 * 1024;

std::optional<std::string> run(const mr::conformance::CaseEntry& entry, const Target& target,
                               mr::base::Random& random, bool is_cut) {
  auto transport = mr::conformance::SocketTransport::connect(target, random);
  if (!transport) return transport.error().detail;
  if (!is_cut) return mr::conformance::run_case(entry.make(), *transport.value());
  mr::conformance::CutTransport cut(*transport.value(), kSingleBytes, kSeed);
  return mr::conformance::run_case(entry.make(), cut);
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_cut = argc > 1 && std::string_view(argv[1]) == "--cut";
  char** const words = argv + (is_cut ? 2 : 1);
  const int count = argc - (is_cut ? 2 : 1);
  Target target;
  if (count >= 3) {
    target = {.host = words[0], .port = 0, .path = words[2]};
    std::from_chars(words[1], words[1] + std::strlen(words[1]), target.port);
  }
  if (target.port == 0) {
    std::fprintf(stderr, "usage: conformance_client [--cut] HOST PORT PATH [ID-PREFIX]\n");
    return 2;
  }
  const std::string prefix = count > 3 ? words[3] : "";
  mr::base::SystemRandom random;
  int passed = 0;
  int failed = 0;
  for (const auto& entry : mr::conformance::all_cases()) {
    if (!entry.id.starts_with(prefix)) continue;
    const auto why = run(entry, target, random, is_cut);
    ++(why ? failed : passed);
    if (why) std::printf("case %s: %s\n", entry.id.c_str(), why->c_str());
  }
  if (is_cut) std::printf("cut with seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
