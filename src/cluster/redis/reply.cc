#include "cluster/redis/reply.h"

#include <hiredis/read.h>

#include <utility>

#include "base/assert.h"

namespace mr::cluster::redis {
namespace {

Reply::Kind kind_of(int type) {
  switch (type) {
    case REDIS_REPLY_STATUS:
      return Reply::Kind::kStatus;
    case REDIS_REPLY_ERROR:
      return Reply::Kind::kError;
    case REDIS_REPLY_INTEGER:
      return Reply::Kind::kInteger;
    case REDIS_REPLY_ARRAY:
      return Reply::Kind::kArray;
    case REDIS_REPLY_NIL:
      return Reply::Kind::kNil;
    default:
      return Reply::Kind::kText;
  }
}

}  // namespace

// The reader frees only roots: elements live in their array.
struct ReplyReader::Build {
  static Reply* make(const redisReadTask* task, std::size_t text_bytes) {
    return static_cast<ReplyReader*>(task->privdata)->make(task, text_bytes);
  }
  static void* text(const redisReadTask* task, char* bytes, std::size_t size) {
    Reply* reply = make(task, size);
    if (reply != nullptr) reply->text.assign(bytes, size);
    return reply;
  }
  static void* array(const redisReadTask* task, int) { return make(task, 0); }
  static void* integer(const redisReadTask* task, long long value) {
    Reply* reply = make(task, 0);
    if (reply != nullptr) reply->integer = value;
    return reply;
  }
  static void* nil(const redisReadTask* task) {
    Reply* reply = make(task, 0);
    if (reply != nullptr) reply->kind = Reply::Kind::kNil;
    return reply;
  }
  static void free(void* root) { delete static_cast<Reply*>(root); }

  static redisReplyObjectFunctions functions;
};

redisReplyObjectFunctions ReplyReader::Build::functions{&Build::text, &Build::array,
                                                        &Build::integer, &Build::nil, &Build::free};

ReplyReader::ReplyReader(std::size_t reply_bytes_max)
    : reply_bytes_max_(reply_bytes_max),
      reader_(redisReaderCreateWithFunctions(&Build::functions)) {
  MR_ASSERT(reader_ != nullptr, "no memory for a reader of replies");
  reader_->privdata = this;
}

ReplyReader::~ReplyReader() { redisReaderFree(reader_); }

// Null ends the reply: hiredis reports it as a lack of memory.
Reply* ReplyReader::make(const redisReadTask* task, std::size_t text_bytes) {
  reply_bytes_ += sizeof(Reply) + text_bytes;
  if (reply_bytes_ > reply_bytes_max_) return nullptr;
  Reply* made = nullptr;
  if (task->parent == nullptr) {
    made = std::make_unique<Reply>().release();
  } else {
    // Grown as the elements come, whatever their announced number. An element is complete before
    // its next sibling begins, so nobody holds its address when it moves.
    made = &static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
  }
  made->kind = kind_of(task->type);
  return made;
}

void ReplyReader::feed(std::string_view bytes) {
  if (!failure_.empty()) return;
  if (redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK) fail(reader_->errstr);
}

std::optional<Reply> ReplyReader::next() {
  if (!failure_.empty()) return std::nullopt;
  void* made = nullptr;
  if (redisReaderGetReply(reader_, &made) != REDIS_OK) {
    fail(reply_bytes_ > reply_bytes_max_ ? "" : reader_->errstr);
    return std::nullopt;
  }
  if (made == nullptr) {
    // A text that is still coming; no complete one within the limit is that long with its header.
    if (reader_->len - reader_->pos > reply_bytes_max_) fail("");
    return std::nullopt;
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
  reply_bytes_ = 0;
  return std::move(*reply);
}

void ReplyReader::fail(std::string why) {
  failure_ = !why.empty() ? std::move(why)
                          : "a reply of more than " + std::to_string(reply_bytes_max_) + " bytes";
}

}  // namespace mr::cluster::redis
