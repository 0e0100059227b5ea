#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "chunks.h"
#include "support/utf8_oracle.h"
#include "ws/utf8.h"

// The fast check, the check in pieces and the decoder of the tests must agree.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  mr::fuzz::Chunks chunks({bytes, size});
  const std::string text(chunks.stream().begin(), chunks.stream().end());
  const bool expected = mr::test::decodes_as_utf8(text);
  if (mr::ws::is_valid_utf8(text) != expected) std::abort();

  mr::ws::Utf8Validator validator;
  bool ok = true;
  while (ok && !chunks.done()) {
    const auto piece = chunks.next();
    ok = validator.feed({reinterpret_cast<const char*>(piece.data()), piece.size()});
  }
  if ((ok && validator.is_complete()) != expected) std::abort();
  return 0;
}
