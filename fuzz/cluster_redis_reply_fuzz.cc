#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "chunks.h"
#include "cluster/redis/reply.h"

// Whatever a server sends: pieces give the replies that the whole gives, and none takes more memory
// than its limit.

namespace {

using mr::cluster::redis::Reply;
using mr::cluster::redis::ReplyReader;

constexpr std::size_t kReplyBytesMax = 4096;

std::size_t bytes_of(const Reply& reply) {
  std::size_t bytes = sizeof(Reply) + reply.text.size();
  for (const Reply& element : reply.elements) bytes += bytes_of(element);
  return bytes;
}

bool is_same(const Reply& a, const Reply& b) {
  if (a.kind != b.kind || a.integer != b.integer || a.text != b.text) return false;
  if (a.elements.size() != b.elements.size()) return false;
  for (std::size_t i = 0; i < a.elements.size(); ++i) {
    if (!is_same(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

class Reading {
 public:
  void feed(std::span<const std::uint8_t> bytes) {
    reader_.feed({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    while (auto reply = reader_.next()) {
      MR_ASSERT(bytes_of(*reply) <= kReplyBytesMax, "bounded");
      replies.push_back(*std::move(reply));
    }
  }
  bool has_failed() const { return !reader_.failure().empty(); }

  std::vector<Reply> replies;

 private:
  ReplyReader reader_{kReplyBytesMax};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  mr::fuzz::Chunks chunks({bytes, size});
  Reading whole;
  whole.feed(chunks.stream());
  Reading pieces;
  while (!chunks.done()) pieces.feed(chunks.next());
  MR_ASSERT(whole.has_failed() == pieces.has_failed(), "the same end");
  MR_ASSERT(whole.replies.size() == pieces.replies.size(), "as many");
  for (std::size_t i = 0; i < whole.replies.size(); ++i) {
    MR_ASSERT(is_same(whole.replies[i], pieces.replies[i]), "the same");
  }
  return 0;
}
