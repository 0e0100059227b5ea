#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "cluster/nats/kv_answer.h"
#include "json/parser.h"

// Whatever a server answers is read to its end, and names a sequence where it says that there is
// one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using Kind = mr::cluster::nats::KvAnswer::Kind;
  static mr::json::Parser parser(1 << 20);
  const auto answer =
      mr::cluster::nats::read_kv_answer(parser, {reinterpret_cast<const char*>(bytes), size});
  const bool is_message =
      answer.kind == Kind::kWritten || answer.kind == Kind::kRead || answer.kind == Kind::kMarker;
  MR_ASSERT(is_message == (answer.sequence != 0), "a sequence where there is a message");
  MR_ASSERT(answer.value.size() <= size, "no more than came");
  return 0;
}
