#include "cluster/envelope_fields.h"

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/varint.h"
#include "model/socket_id.h"
#include "model/tags.h"

namespace mr::cluster {
namespace {

using Tail = std::pair<std::uint32_t, std::uint64_t>;
using Hit = GapAnswer::Hit;

constexpr std::size_t kIdsMax = 32;  // of the fields of one kind

// --- what a field or a list's entry holds ----------------------------------------------------

// Counts what Appender appends, so that lengths are known before the bytes.
class Counter {
 public:
  void number(std::uint64_t value) { bytes_ += varint_size(value); }
  void boot(BootId /*boot*/) { bytes_ += kBootBytes; }
  void bytes(std::string_view text) { bytes_ += text.size(); }
  std::size_t total() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

class Appender {
 public:
  explicit Appender(std::string& out) : out_(out) {}
  void number(std::uint64_t value) { append_varint(out_, value); }
  void boot(BootId boot) { append_boot(out_, boot); }
  void bytes(std::string_view text) { out_.append(text); }

 private:
  std::string& out_;
};

// Reads one thing after another from a field. After a failure it reads zeros, and is at its end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const Varint read = take_varint(rest_, value);
    if (read == Varint::kRead) return value;
    fail(read == Varint::kCut ? "ends inside a number" : "holds a number above 64 bits");
    return 0;
  }
  std::uint64_t number(std::uint64_t max) {
    const std::uint64_t value = number();
    if (value > max) {
      fail("holds " + std::to_string(value) + "; at most " + std::to_string(max) + " can be there");
    }
    return value;
  }
  BootId boot() {
    if (rest_.size() < kBootBytes) {
      fail("ends inside a boot id");
      return BootId::kNone;
    }
    const BootId boot = read_boot(rest_);
    rest_.remove_prefix(kBootBytes);
    if (boot == BootId::kNone) fail("holds the boot id 0, which no node has");
    return boot;
  }
  std::string text(std::size_t bytes_max) {
    const std::uint64_t length = number(bytes_max);
    if (length > rest_.size()) {
      fail("ends inside a text of " + std::to_string(length) + " bytes");
      return {};
    }
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }

  void fail(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    rest_ = {};
  }
  bool is_at_end() const { return rest_.empty(); }
  // Empty: none.
  const std::string& problem() const { return problem_; }

 private:
  std::string_view rest_;
  std::string problem_;
};

template <class Sink>
void put_text(Sink& sink, std::string_view text) {
  sink.number(text.size());
  sink.bytes(text);
}

// A put and a take for every type that a field or a list's entry can be.
template <class Sink>
void put(Sink& sink, std::uint64_t number) {
  sink.number(number);
}
void take(Reader& reader, std::uint64_t& number) { number = reader.number(); }

// Every 32 bit number is a bus partition; the highest means the control subject.
template <class Sink>
void put(Sink& sink, std::uint32_t partition) {
  sink.number(partition);
}
void take(Reader& reader, std::uint32_t& partition) {
  partition = static_cast<std::uint32_t>(reader.number(number_of(Subject::kControl) - 1));
}

template <class Sink>
void put(Sink& sink, Generation generation) {
  sink.number(static_cast<std::uint32_t>(generation));
}
void take(Reader& reader, Generation& generation) {
  generation = static_cast<Generation>(reader.number(UINT32_MAX));
}

template <class Sink>
void put(Sink& sink, bool flag) {
  sink.number(flag ? 1 : 0);
}
void take(Reader& reader, bool& flag) { flag = reader.number(1) == 1; }

// One that a later release adds says nothing here.
template <class Sink>
void put(Sink& sink, model::Verdict verdict) {
  sink.number(static_cast<std::uint64_t>(verdict));
}
void take(Reader& reader, model::Verdict& verdict) {
  const std::uint64_t number = reader.number();
  verdict =
      number > model::kVerdictMax ? model::Verdict::kNone : static_cast<model::Verdict>(number);
}

template <class Sink>
void put(Sink& sink, BootId boot) {
  sink.boot(boot);
}
void take(Reader& reader, BootId& boot) { boot = reader.boot(); }

template <class Sink>
void put(Sink& sink, const model::SocketId& id) {
  sink.number(id.high);
  sink.number(id.low);
}
void take(Reader& reader, model::SocketId& id) {
  id.high = reader.number(model::SocketId::kHalfMax - 1);
  id.low = reader.number(model::SocketId::kHalfMax - 1);
}

template <class Sink>
void put(Sink& sink, const Gap& gap) {
  put(sink, gap.partition);
  sink.number(gap.first);
  sink.number(gap.last);
}
void take(Reader& reader, Gap& gap) {
  take(reader, gap.partition);
  gap.first = reader.number();
  gap.last = reader.number();
  if (gap.first == 0 || gap.first > gap.last) {
    reader.fail("goes from " + std::to_string(gap.first) + " to " + std::to_string(gap.last) +
                "; numbers begin at 1, and the last is not below the first");
  }
}

template <class Sink>
void put(Sink& sink, const Tail& tail) {
  put(sink, tail.first);
  sink.number(tail.second);
}
void take(Reader& reader, Tail& tail) {
  take(reader, tail.first);
  tail.second = reader.number();
}

template <class Sink>
void put(Sink& sink, const Hit& hit) {
  put_text(sink, hit.app_id);
  put_text(sink, hit.channel);
  sink.number(hit.count);
}
void take(Reader& reader, Hit& hit) {
  hit.app_id = reader.text(kEnvelopeBytesMax);
  hit.channel = reader.text(kEnvelopeBytesMax);
  hit.count = reader.number();
}

// A later format adds numbers at the end.
template <class Load>
auto numbers_of(Load& load) {
  return std::array{&load.connections,     &load.loop_delay_us, &load.cpu_permille,
                    &load.resident_bytes,  &load.queued_bytes,  &load.messages_per_second,
                    &load.bytes_per_second};
}
template <class Sink>
void put(Sink& sink, const NodeLoad& load) {
  for (const std::uint64_t* number : numbers_of(load)) sink.number(*number);
}
void take(Reader& reader, NodeLoad& load) {
  for (std::uint64_t* number : numbers_of(load)) {
    if (!reader.is_at_end()) *number = reader.number();
  }
  while (!reader.is_at_end()) reader.number();
}

template <class Sink>
void put(Sink& sink, const ShareCount& count) {
  put_text(sink, count.app_id);
  put_text(sink, count.channel);
  sink.number(count.subscriptions);
}
void take(Reader& reader, ShareCount& count) {
  count.app_id = reader.text(kEnvelopeBytesMax);
  count.channel = reader.text(kEnvelopeBytesMax);
  count.subscriptions = reader.number();
}

template <class Sink>
void put(Sink& sink, const ShareUser& user) {
  put_text(sink, user.app_id);
  put_text(sink, user.channel);
  put_text(sink, user.user_id);
  put_text(sink, user.user_id_json);
  put_text(sink, user.user_info_json);
  put(sink, user.is_here);
}
void take(Reader& reader, ShareUser& user) {
  for (std::string* text :
       {&user.app_id, &user.channel, &user.user_id, &user.user_id_json, &user.user_info_json}) {
    *text = reader.text(kEnvelopeBytesMax);
  }
  take(reader, user.is_here);
}

template <class Sink>
void put(Sink& sink, const Command& command) {
  sink.number(command.id);
  sink.number(command.time);
  sink.number(static_cast<std::uint8_t>(command.kind));
  put_text(sink, command.app_id);
  put_text(sink, command.user_id);
}
void take(Reader& reader, Command& command) {
  command.id = reader.number();
  command.time = reader.number();
  command.kind = static_cast<CommandKind>(reader.number(UINT8_MAX));
  command.app_id = reader.text(kEnvelopeBytesMax);
  command.user_id = reader.text(kEnvelopeBytesMax);
}

template <class Sink>
void put(Sink& sink, const model::Tag& tag) {
  put_text(sink, tag.name);
  put_text(sink, tag.value);
}
void take(Reader& reader, model::Tag& tag) {
  tag.name = reader.text(model::kTagNameBytesMax);
  tag.value = reader.text(model::kTagValueBytesMax);
}

// --- fields ----------------------------------------------------------------------------------

enum class Rule : std::uint8_t {
  kOptional,  // left out when it is what a fresh message has
  kRequired,  // a text: and not empty
  kFromOne,   // required, a number, not 0
};

struct Field {
  unsigned id;
  std::string_view name;
  Rule rule = Rule::kOptional;
};

template <class Sink>
class FieldWriter {
 public:
  explicit FieldWriter(Sink& sink) : sink_(sink) {}

  void text(const Field& field, const std::string& text) {
    if (text.empty()) return;
    begin(field, text.size());
    sink_.bytes(text);
  }
  template <class T>
  void value(const Field& field, const T& value) {
    if (field.rule == Rule::kOptional && value == T{}) return;
    Counter counter;
    put(counter, value);
    begin(field, counter.total());
    put(sink_, value);
  }
  template <class T>
  void value(const Field& field, const std::optional<T>& value) {
    if (value) this->value({field.id, field.name, Rule::kRequired}, *value);
  }
  template <class T>
  void list(const Field& field, const std::vector<T>& entries) {
    if (entries.empty()) return;
    Counter counter;
    for (const T& entry : entries) put(counter, entry);
    begin(field, counter.total());
    for (const T& entry : entries) put(sink_, entry);
  }
  void tags(const Field& field, const model::Tags& tags) { list(field, tags); }

 private:
  void begin(const Field& field, std::size_t length) {
    sink_.number(field.id);
    sink_.number(length);
  }

  Sink& sink_;
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view fields) { find_all(fields); }

  void text(const Field& field, std::string& text) {
    if (!find(field)) return;
    text = found_[field.id];
    if (text.empty() && field.rule == Rule::kRequired) fail(field, "is empty");
  }
  template <class T>
  void value(const Field& field, T& value) {
    if (!find(field)) return;
    Reader reader(found_[field.id]);
    take(reader, value);
    if (!reader.is_at_end()) reader.fail("is longer than what it holds");
    if (!reader.problem().empty()) return fail(field, reader.problem());
    if (field.rule == Rule::kFromOne && value == T{}) fail(field, "is 0; it begins at 1");
  }
  template <class T>
  void value(const Field& field, std::optional<T>& value) {
    if (!find(field)) return;
    this->value(field, value.emplace());
  }
  template <class T>
  void list(const Field& field, std::vector<T>& entries,
            std::size_t entries_max = kEnvelopeListMax) {
    if (!find(field)) return;
    Reader reader(found_[field.id]);
    while (!reader.is_at_end()) {
      if (entries.size() == entries_max) {
        return fail(field, "has more than " + std::to_string(entries_max) + " entries");
      }
      take(reader, entries.emplace_back());
    }
    if (reader.problem().empty()) return;
    fail(field,
         "has a wrong entry " + std::to_string(entries.size()) + ", which " + reader.problem());
  }
  void tags(const Field& field, model::Tags& tags) {
    list(field, tags, model::kTagsMax);
    for (std::size_t i = 0; i < tags.size() && !error_; ++i) {
      // model::find_tag() looks them up by their order.
      if (tags[i].name.empty() || (i > 0 && tags[i].name <= tags[i - 1].name)) {
        fail(field, "has entry " + std::to_string(i + 1) +
                        " without a name or out of order; they are sorted, each name once");
      }
    }
  }

  std::optional<base::Error<EnvelopeErrc>>& error() { return error_; }

 private:
  void find_all(std::string_view rest) {
    while (!rest.empty()) {
      std::uint64_t id = 0;
      std::uint64_t length = 0;
      Varint read = take_varint(rest, id);
      if (read == Varint::kRead) read = take_varint(rest, length);
      if (read == Varint::kOverflow) {
        return set(EnvelopeErrc::kField, "an id or a length of a field is above 64 bits");
      }
      if (read == Varint::kCut) {
        return set(EnvelopeErrc::kTruncated, "it ends inside the id or length of a field");
      }
      if (length > rest.size()) {
        return set(EnvelopeErrc::kTruncated, "field number " + std::to_string(id) + " has " +
                                                 std::to_string(length) + " bytes, and " +
                                                 std::to_string(rest.size()) + " are left");
      }
      if (id < kIdsMax) {
        const std::uint32_t bit = std::uint32_t{1} << id;
        repeated_ |= present_ & bit;
        present_ |= bit;
        found_[id] = rest.substr(0, length);
      }
      rest.remove_prefix(length);
    }
  }

  // Whether there is something to read.
  bool find(const Field& field) {
    if (error_) return false;
    const std::uint32_t bit = std::uint32_t{1} << field.id;
    if ((repeated_ & bit) != 0) {
      fail(field, "comes twice");
      return false;
    }
    if ((present_ & bit) != 0) return true;
    if (field.rule != Rule::kOptional) fail(field, "is missing");
    return false;
  }

  void fail(const Field& field, std::string_view why) {
    set(EnvelopeErrc::kField, std::string("field ").append(field.name).append(" ").append(why));
  }
  void set(EnvelopeErrc code, std::string detail) {
    error_ = base::Error<EnvelopeErrc>{code, std::move(detail)};
  }

  std::array<std::string_view, kIdsMax> found_{};
  std::uint32_t present_ = 0;
  std::uint32_t repeated_ = 0;
  std::optional<base::Error<EnvelopeErrc>> error_;
};

// --- the fields of each kind -----------------------------------------------------------------

// One description serves the counter, the writer and the reader. An id stays with its meaning for
// ever; a new field gets a new id, below kIdsMax, and an old node skips it.

template <class T, class Plain>
concept Is = std::same_as<std::remove_const_t<T>, Plain>;

template <class Fields>
void describe(Fields& fields, Is<EventMessage> auto& data) {
  fields.value({1, "sequence", Rule::kFromOne}, data.sequence);
  fields.text({2, "app_id", Rule::kRequired}, data.app_id);
  fields.text({3, "channel", Rule::kRequired}, data.channel);
  fields.text({4, "event", Rule::kRequired}, data.event);
  fields.text({5, "data"}, data.data);
  fields.value({6, "except"}, data.except);
  fields.text({7, "user_id"}, data.user_id);
  fields.value({8, "is_client_event"}, data.is_client_event);
  fields.text({9, "conflation_key"}, data.conflation_key);
  fields.value({10, "delta"}, data.delta);
  fields.tags({11, "tags"}, data.tags);
  fields.value({12, "verdict"}, data.verdict);
  fields.value({13, "is_ordered"}, data.is_ordered);
  fields.text({14, "except_node"}, data.except_node);
  fields.value({16, "cache_time"}, data.cache_time);
}

template <class Fields>
void describe(Fields& /*fields*/, Is<ProbeMessage> auto& /*probe*/) {}

template <class Fields>
void describe(Fields& fields, Is<MarkRequest> auto& request) {
  fields.value({1, "partition", Rule::kRequired}, request.partition);
  fields.value({2, "generation"}, request.generation);
  fields.list({3, "wanted"}, request.wanted);
}

template <class Fields>
void describe(Fields& fields, Is<MarkMessage> auto& mark) {
  fields.value({1, "to", Rule::kRequired}, mark.to);
  fields.value({2, "generation"}, mark.generation);
  fields.value({3, "tail", Rule::kRequired}, mark.tail);
}

template <class Fields>
void describe(Fields& fields, Is<GapQuestion> auto& question) {
  fields.value({1, "to", Rule::kRequired}, question.to);
  fields.value({2, "gap", Rule::kRequired}, question.gap);
}

template <class Fields>
void describe(Fields& fields, Is<GapAnswer> auto& answer) {
  fields.value({1, "to", Rule::kRequired}, answer.to);
  fields.value({2, "gap", Rule::kRequired}, answer.gap);
  fields.value({3, "is_complete"}, answer.is_complete);
  fields.list({4, "hits"}, answer.hits);
}

template <class Fields>
void describe(Fields& fields, Is<HelloMessage> auto& hello) {
  fields.text({1, "name", Rule::kRequired}, hello.name);
  fields.value({2, "is_joining"}, hello.is_joining);
}

template <class Fields>
void describe(Fields& fields, Is<WelcomeMessage> auto& welcome) {
  fields.value({1, "to", Rule::kRequired}, welcome.to);
  fields.text({2, "name", Rule::kRequired}, welcome.name);
}

template <class Fields>
void describe(Fields& fields, Is<BeatMessage> auto& beat) {
  fields.value({1, "number", Rule::kFromOne}, beat.number);
  fields.text({2, "name", Rule::kRequired}, beat.name);
  fields.text({3, "status"}, beat.status);
  fields.list({4, "tails"}, beat.tails);
  fields.value({5, "share_number"}, beat.share_number);
  fields.value({6, "share_digest"}, beat.share_digest);
  fields.text({10, "address"}, beat.facts.address);
  fields.value({11, "port"}, beat.facts.port);
  fields.text({12, "region"}, beat.facts.region);
  fields.text({13, "version"}, beat.facts.version);
  fields.value({14, "capacity"}, beat.facts.capacity);
  fields.value({15, "load"}, beat.load);
  fields.value({20, "clock"}, beat.clock);
  fields.value({21, "command_digest"}, beat.command_digest);
}

template <class Fields>
void describe(Fields& fields, Is<LeaveMessage> auto& leave) {
  fields.list({1, "tails"}, leave.tails);
}

template <class Fields>
void describe(Fields& fields, Is<ShareMessage> auto& share) {
  fields.value({1, "number"}, share.number);
  fields.list({2, "counts"}, share.counts);
  fields.list({3, "users"}, share.users);
  fields.value({4, "parts"}, share.parts);
  fields.value({5, "part"}, share.part);
  fields.value({6, "to"}, share.to);
}

template <class Fields>
void describe(Fields& fields, Is<ShareRequest> auto& request) {
  fields.value({1, "to", Rule::kRequired}, request.to);
}

template <class Fields>
void describe(Fields& fields, Is<BroadcastMessage> auto& broadcast) {
  fields.value({1, "number", Rule::kFromOne}, broadcast.number);
  fields.text({2, "app_id", Rule::kRequired}, broadcast.app_id);
  fields.text({3, "event", Rule::kRequired}, broadcast.event);
  fields.text({4, "data"}, broadcast.data);
  fields.value({5, "except"}, broadcast.except);
  fields.text({6, "except_node"}, broadcast.except_node);
}

template <class Fields>
void describe(Fields& fields, Is<BatchMessage> auto& batch) {
  fields.text({1, "envelopes"}, batch.envelopes);
  fields.text({2, "deflated"}, batch.deflated);
  fields.value({3, "size"}, batch.size);
}

template <class Fields>
void describe(Fields& fields, Is<CommandMessage> auto& message) {
  fields.list({1, "commands"}, message.commands);
}

template <class Sink>
void write_fields(Sink& sink, const Message& message) {
  FieldWriter fields(sink);
  std::visit([&fields](const auto& kind) { describe(fields, kind); }, message);
}

}  // namespace

void append_boot(std::string& out, BootId boot) {
  const auto number = static_cast<std::uint64_t>(boot);
  for (std::size_t i = 0; i < kBootBytes; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

BootId read_boot(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kBootBytes; ++i) {
    number |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  }
  return static_cast<BootId>(number);
}

std::size_t fields_size(const Message& message) {
  Counter counter;
  write_fields(counter, message);
  return counter.total();
}

void append_fields(std::string& out, const Message& message) {
  Appender appender(out);
  write_fields(appender, message);
}

std::optional<base::Error<EnvelopeErrc>> read_fields(std::string_view bytes, Message& message) {
  FieldReader fields(bytes);
  std::visit([&fields](auto& kind) { describe(fields, kind); }, message);
  return std::move(fields.error());
}

}  // namespace mr::cluster
