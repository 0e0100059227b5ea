#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;
struct redisReadTask;

namespace mr::cluster::redis {

// What a server answered (RESP2).
struct Reply {
  enum class Kind : std::uint8_t {
    kNil,
    kStatus,   // `text`, such as OK
    kError,    // `text`; its first word is the code
    kText,     // `text`, any bytes
    kInteger,  // `integer`
    kArray,    // `elements`
    kLost,     // there is no answer: the connection went; `text` says why
  };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text{};
  std::vector<Reply> elements{};

  bool is_error() const { return kind == Kind::kError; }
};

// Makes replies of a stream's bytes, with hiredis' reader. After a failure nothing comes any more.
class ReplyReader {
 public:
  // What a reply may take in memory.
  static constexpr std::size_t kReplyBytesMax = 32 << 20;

  explicit ReplyReader(std::size_t reply_bytes_max = kReplyBytesMax);
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;
  ~ReplyReader();

  // Cheapest in pieces of at most 16 KiB.
  void feed(std::string_view bytes);
  // Nothing: more bytes are needed, or it failed.
  std::optional<Reply> next();
  // Empty: no failure so far.
  const std::string& failure() const { return failure_; }

 private:
  struct Build;  // hiredis' calls

  Reply* make(const redisReadTask* task, std::size_t text_bytes);
  void fail(std::string why);

  const std::size_t reply_bytes_max_;
  std::size_t reply_bytes_ = 0;  // of the reply that is under way
  redisReader* reader_;
  std::string failure_;
};

}  // namespace mr::cluster::redis
