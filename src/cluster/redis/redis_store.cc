#include "cluster/redis/redis_store.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/percent.h"
#include "cluster/redis/error_text.h"

namespace mr::cluster::redis {
namespace {

constexpr std::size_t kTagBytes = sizeof(Revision::number);

// KEYS[1] the record; ARGV[1] the tag that it must have, empty for none; ARGV[2] its new tag and
// value; ARGV[3] how long it lives in ms, 0 for ever.
constexpr std::string_view kWrite =
    R"(if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1)";
constexpr std::string_view kErase =
    R"(if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1)";

std::string tag_of(Revision revision) {
  if (revision.is_absent()) return {};
  std::string tag(kTagBytes, '\0');
  std::memcpy(tag.data(), &revision.number, kTagBytes);
  return tag;
}

// False: it is no record.
bool take_record(const Reply& reply, StoreAnswer& answer) {
  answer.kind = StoreAnswer::Kind::kDone;
  if (reply.kind == Reply::Kind::kNil) return true;
  if (reply.kind != Reply::Kind::kText || reply.text.size() < kTagBytes) return false;
  std::memcpy(&answer.revision.number, reply.text.data(), kTagBytes);
  answer.value = reply.text.substr(kTagBytes);
  return true;
}

bool take_verdict(const Reply& reply, Revision written, StoreAnswer& answer) {
  if (reply.kind != Reply::Kind::kInteger) return false;
  answer.kind = reply.integer == 1 ? StoreAnswer::Kind::kDone : StoreAnswer::Kind::kConflict;
  if (reply.integer == 1) answer.revision = written;
  return true;
}

}  // namespace

RedisStore::RedisStore(net::Loop& loop, const RedisOptions& options, const StoreTimes& times,
                       std::unique_ptr<StoreRoute> route)
    : loop_(loop), options_(options), times_(times), route_(std::move(route)), requests_(loop) {}

void RedisStore::stop() {
  requests_.clear();
  route_->stop();
}

void RedisStore::read(const RecordKey& key, OnAnswer done) {
  const std::string name = name_of(key);
  const std::array<std::string_view, 2> args{"GET", name};
  send(name, args, requests_.add(std::move(done)), &take_record);
}

void RedisStore::write(const RecordKey& key, std::string_view value, Revision expected,
                       OnAnswer done) {
  Revision written;
  while (written.is_absent()) written.number = loop_.random().next();
  const std::string name = name_of(key);
  const std::string record = tag_of(written).append(value);
  const std::string life = std::to_string(
      std::chrono::duration_cast<std::chrono::milliseconds>(times_.of(key.space)).count());
  const std::string tag = tag_of(expected);
  const std::array<std::string_view, 7> args{"EVAL", kWrite, "1", name, tag, record, life};
  send(name, args, requests_.add(std::move(done)),
       [written](const Reply& reply, StoreAnswer& answer) {
         return take_verdict(reply, written, answer);
       });
}

void RedisStore::erase(const RecordKey& key, Revision expected, OnAnswer done) {
  const std::string name = name_of(key);
  const std::string tag = tag_of(expected);
  const std::array<std::string_view, 5> args{"EVAL", kErase, "1", name, tag};
  send(name, args, requests_.add(std::move(done)),
       [](const Reply& reply, StoreAnswer& answer) { return take_verdict(reply, {}, answer); });
}

const std::string& RedisStore::problem() const {
  return route_->problem().empty() ? refusal_ : route_->problem();
}

std::string RedisStore::name_of(const RecordKey& key) const {
  std::string name = options_.prefix;
  name.append(":").append(cluster::name_of(key.space)).append(":");
  return name.append(base::percent_encode(key.name));
}

void RedisStore::send(const std::string& key, std::span<const std::string_view> args, Ticket ticket,
                      base::Function<bool(const Reply&, StoreAnswer&)> take) {
  const std::string_view verb = args[0];  // lives for ever
  const bool is_taken = route_->command(
      key, args,
      [this, key, verb, ticket, take = std::move(take)](const Reply& reply,
                                                        StoreLife life) mutable {
        if (reply.kind == Reply::Kind::kLost) {
          return requests_.fail(ticket, StoreRequests::Failure::kLost);
        }
        if (reply.is_error()) {
          return refuse(ticket, explain(route_->where(key), verb, reply.text, options_));
        }
        StoreAnswer answer;
        answer.life = life;
        if (!take(reply, answer)) {
          return refuse(ticket, route_->where(key) + " holds something else than a record in " +
                                    key + ": delete that key, or choose another prefix");
        }
        refusal_.clear();
        requests_.answer(ticket, std::move(answer));
      });
  if (!is_taken) requests_.fail(ticket, StoreRequests::Failure::kUnconnected);
}

void RedisStore::refuse(Ticket ticket, std::string why) {
  refusal_ = std::move(why);
  requests_.fail(ticket, StoreRequests::Failure::kRefused);
}

}  // namespace mr::cluster::redis
