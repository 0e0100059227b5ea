#include "cluster/envelope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "cluster/batch.h"
#include "cluster/envelope_fields.h"

namespace mr::cluster {
namespace {

constexpr BootId kFrom{0x0123456789abcdef};
constexpr BootId kTo{0xfedcba9876543210};
constexpr std::string_view kSecret = "cluster secret";
constexpr std::size_t kHeaderBytes = 14;
constexpr std::size_t kFlagsAt = 4;

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex.push_back("0123456789abcdef"[byte >> 4]);
    hex.push_back("0123456789abcdef"[byte & 15]);
  }
  return hex;
}

// --- golden envelopes ------------------------------------------------------------------------

struct Golden {
  std::string_view name;
  Envelope envelope;
  std::string_view hex;
  std::string_view secret = {};
};

EventMessage full_data() {
  EventMessage data;
  data.sequence = 300;
  data.app_id = "app";
  data.channel = "ticker";
  data.event = "price";
  data.data = R"("{\"p\":1}")";
  data.except = model::SocketId{1234, 9'999'999'999};
  data.user_id = R"("u1")";
  data.is_client_event = true;
  data.conflation_key = "BTC";
  data.delta = false;
  data.tags = {{"a", "1"}, {"b", ""}};
  return data;
}

EventMessage least_data() {
  EventMessage data;
  data.sequence = 1;
  data.app_id = "a";
  data.channel = "c";
  data.event = "e";
  return data;
}

EventMessage data_with_verdict() {
  EventMessage data = least_data();
  data.conflation_key = "BTC";
  data.verdict = model::Verdict::kFull;
  return data;
}

EventMessage data_not_for_a_node() {
  EventMessage data = least_data();
  data.except_node = "n1";
  return data;
}

EventMessage ordered_data() {
  EventMessage data = least_data();
  data.is_ordered = true;
  return data;
}

// The bytes of format 1. They stay as they are: nodes of this release read and write them. They
// were made from the page, not by the code.
std::vector<Golden> goldens() {
  GapAnswer answer;
  answer.to = kTo;
  answer.gap = {5, 9, 12};
  answer.is_complete = true;
  answer.hits = {{"app", "ticker", 3}, {"app", "presence-room", 1}};
  BeatMessage beat;
  beat.number = 128;
  beat.name = "node-1";
  beat.status = "healthy";
  beat.tails = {{0, 1}, {1023, std::numeric_limits<std::uint64_t>::max()}};
  return {
      {"data",
       {kFrom, 0, full_data()},
       "c10101010000efcdab89674523010102ac02020361707003067469636b657204057072696365050b227b5c22"
       "705c223a317d220607d209ffc7afa02507042275312208010109034254430a01000b0701610131016200"},
      {"data with a verdict",
       {kFrom, 1, data_with_verdict()},
       "c10101010001efcdab896745230101010102016103016304016509034254430c0103"},
      {"least data",
       {kFrom, 1, least_data()},
       "c10101010001efcdab8967452301010101020161030163040165"},
      {"ordered data",
       {kFrom, 1, ordered_data()},
       "c10101010001efcdab89674523010101010201610301630401650d0101"},
      {"data not for a node",
       {kFrom, 1, data_not_for_a_node()},
       "c10101010001efcdab8967452301010101020161030163040165"
       "0e026e31"},
      {"broadcast",
       {kFrom, 2,
        BroadcastMessage{5, "a", "e", R"("x")", model::SocketId{1234, 9'999'999'999}, "n1"}},
       "c101010d0002efcdab8967452301010105020161030165040322782205"
       "07d209ffc7afa02506026e31"},
      {"probe", {kFrom, 1, ProbeMessage{}}, "c10101020001efcdab8967452301"},
      {"mark request",
       {kFrom, 1, MarkRequest{1023, Generation{7}, {kTo, BootId{1}}}},
       "c10101030001efcdab89674523010102ff0702010703101032547698badcfe0100000000000000"},
      {"mark",
       {kFrom, 1, MarkMessage{kTo, Generation{7}, 0}},
       "c10101040001efcdab896745230101081032547698badcfe020107030100"},
      {"gap question",
       {kFrom, 1, GapQuestion{kTo, {5, 9, std::uint64_t{1} << 40}}},
       "c10101050001efcdab896745230101081032547698badcfe02080509808080808020"},
      {"gap answer",
       {kFrom, 1, answer},
       "c10101060001efcdab896745230101081032547698badcfe020305090c030101041f03617070067469636b65"
       "7203036170700d70726573656e63652d726f6f6d01"},
      {"hello",
       {kFrom, 1, HelloMessage{"node-1", true}},
       "c10101070001efcdab896745230101066e6f64652d31020101"},
      {"welcome",
       {kFrom, 1, WelcomeMessage{kTo, "node-2"}},
       "c10101080001efcdab896745230101081032547698badcfe02066e6f64652d32"},
      {"beat",
       {kFrom, 1, beat},
       "c10101090001efcdab89674523010102800102066e6f64652d3103076865616c746879040e0001ff07ffffff"
       "ffffffffffff01"},
      {"leave", {kFrom, 1, LeaveMessage{{{17, 300}}}}, "c101010a0001efcdab8967452301010311ac02"},
      {"signed probe",
       {kFrom, 1, ProbeMessage{}},
       "c10101020101efcdab896745230112476191adfc279a4833796e4437ee97",
       kSecret},
      {"signed data",
       {kFrom, 1, least_data()},
       "c10101010101efcdab8967452301010101020161030163040165b3bc24517bfb9426b2d45b155593fa6a",
       kSecret},
  };
}

BeatMessage beat_with_facts() {
  BeatMessage beat;
  beat.number = 1;
  beat.name = "n";
  beat.facts = {"10.0.0.7", 6001, "eu", "0.1.0", 10'000};
  beat.load = {3, 2, 300, 128, 0, 129, 10};
  return beat;
}

EventMessage cached_event() {
  EventMessage event = least_data();
  event.cache_time = 1'700'000'000'000'000;
  return event;
}

BeatMessage beat_with_commands() {
  BeatMessage beat;
  beat.number = 1;
  beat.name = "n";
  beat.clock = 1'700'000'000'000'000;
  beat.command_digest = 77;
  return beat;
}

// What nodes have in common in the store.
std::vector<Golden> goldens_of_shared_state() {
  return {
      {"cached event",
       {kFrom, 1, cached_event()},
       "c10101010001efcdab896745230101010102016103016304016510088080f9c0c1c48203"},
      {"beat with commands",
       {kFrom, 1, beat_with_commands()},
       "c10101090001efcdab896745230101010102016e14088080f9c0c1c4820315014d"},
      {"command",
       {kFrom, 1, CommandMessage{{{5, 300, CommandKind::kTerminateUser, "app", "u1"}}}},
       "c10101100001efcdab8967452301010b05ac020103617070027531"},
  };
}

// What nodes hold, and their heartbeats since then.
std::vector<Golden> goldens_of_shares() {
  BeatMessage beat_with_share;
  beat_with_share.number = 128;
  beat_with_share.name = "node-1";
  beat_with_share.status = "healthy";
  beat_with_share.tails = {{0, 1}, {1023, std::numeric_limits<std::uint64_t>::max()}};
  beat_with_share.share_number = 300;
  beat_with_share.share_digest = std::uint64_t{1} << 63;
  return {
      {"share",
       {kFrom, 1,
        ShareMessage{7,
                     {{"app", "room", 3}},
                     {{"app", "presence-room", "u1", "\"u1\"", "{\"a\":1}", true}},
                     0,
                     0,
                     std::nullopt}},
       "c101010b0001efcdab8967452301010107020a0361707004726f6f6d030323036170700d70726573656e63652d"
       "726f6f6d0275310422753122077b2261223a317d01"},
      {"part of a whole share",
       {kFrom, 1, ShareMessage{300, {}, {}, 2, 1, kTo}},
       "c101010b0001efcdab89674523010102ac0204010205010106081032547698badcfe"},
      {"share request",
       {kFrom, 1, ShareRequest{kTo}},
       "c101010c0001efcdab896745230101081032547698badcfe"},
      {"beat with facts and load",
       {kFrom, 1, beat_with_facts()},
       "c10101090001efcdab8967452301010101"
       "02016e"
       "0a0831302e302e302e37"
       "0b02f12e"
       "0c02"
       "6575"
       "0d05"
       "302e312e30"
       "0e02904e"
       "0f0a"
       "0302ac028001008101"
       "0a"},
      {"beat with a share",
       {kFrom, 1, beat_with_share},
       "c10101090001efcdab89674523010102800102066e6f64652d3103076865616c746879040e0001ff07ffffff"
       "ffffffffffff010502ac02060a80808080808080808001"},
  };
}

// Of format 2.
std::vector<Golden> goldens_of_batches() {
  EnvelopeCodec codec("");
  std::string envelopes;
  append_entry(envelopes, codec.encode({kFrom, 1, least_data()}));
  append_entry(envelopes, codec.encode({kFrom, 1, ProbeMessage{}}));
  return {{"batch",
           {kFrom, 1, BatchMessage{envelopes, "", 0}},
           "c10102110001efcdab8967452301012a1ac10101010001efcdab8967452301010101020161030163040165"
           "0ec10101020001efcdab8967452301"}};
}

std::vector<Golden> all_goldens() {
  std::vector<Golden> all = goldens();
  for (Golden& golden : goldens_of_batches()) all.push_back(std::move(golden));
  for (Golden& golden : goldens_of_shares()) all.push_back(std::move(golden));
  for (Golden& golden : goldens_of_shared_state()) all.push_back(std::move(golden));
  return all;
}

TEST(EnvelopeGoldenTest, TheBytesOfEachFormatStayAsTheyAre) {
  for (const Golden& golden : all_goldens()) {
    SCOPED_TRACE(golden.name);
    EnvelopeCodec codec(golden.secret);
    EXPECT_EQ(hex_of(codec.encode(golden.envelope)), golden.hex);
    const auto read = codec.decode(bytes_of_hex(golden.hex));
    ASSERT_TRUE(read.ok()) << read.error().detail;
    EXPECT_EQ(read.value(), golden.envelope);
  }
}

TEST(EnvelopeGoldenTest, EveryKindHasOne) {
  std::array<bool, std::variant_size_v<Message>> seen{};
  for (const Golden& golden : all_goldens()) seen[golden.envelope.message.index()] = true;
  EXPECT_TRUE(std::ranges::all_of(seen, [](bool has) { return has; }));
}

// --- an independent writer, for what the codec never writes --------------------------------------

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value % 0x80 + 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}

std::string boot(std::uint64_t id) {
  std::string out;
  for (int i = 0; i < 8; ++i, id >>= 8) out.push_back(static_cast<char>(id & 0xff));
  return out;
}

std::string text(std::string_view bytes) { return varint(bytes.size()).append(bytes); }

std::string field(std::uint64_t id, std::string_view bytes) { return varint(id) + text(bytes); }

struct Header {
  std::uint8_t major = 1;
  std::uint8_t format = 1;
  std::uint8_t kind = 1;
  std::uint8_t flags = 0;
  std::uint8_t priority = model::kUsualPriority;
  std::uint64_t from = 1;
};

std::string raw(const Header& header, std::string_view fields) {
  std::string out = "\xc1";
  for (const std::uint8_t byte :
       {header.major, header.format, header.kind, header.flags, header.priority}) {
    out.push_back(static_cast<char>(byte));
  }
  return out.append(boot(header.from)).append(fields);
}

std::string raw(Kind kind, std::string_view fields) {
  return raw(Header{.kind = static_cast<std::uint8_t>(kind)}, fields);
}

std::string signed_by(std::string_view secret, std::string bytes) {
  bytes[kFlagsAt] = static_cast<char>(bytes[kFlagsAt] | 1);
  const auto mac = crypto::HmacSha256(secret).sign(bytes);
  return bytes.append(reinterpret_cast<const char*>(mac.data()), 16);
}

// --- round trips -----------------------------------------------------------------------------

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  Envelope envelope() {
    return {some_boot(), static_cast<std::uint8_t>(random_.below(model::kCriticalPriority + 1)),
            message()};
  }

 private:
  bool coin() { return random_.below(2) == 0; }
  // As many numbers are short as long.
  std::uint64_t number() { return random_.next() >> random_.below(64); }
  std::uint64_t from_one() { return std::max<std::uint64_t>(number(), 1); }
  std::uint32_t partition() {
    return static_cast<std::uint32_t>(random_.below(number_of(Subject::kControl)));
  }
  Generation generation() { return Generation{static_cast<std::uint32_t>(number())}; }
  BootId some_boot() { return BootId{from_one()}; }
  std::string bytes(std::size_t least, std::size_t most) {
    std::string out(least + random_.below(most - least + 1), '\0');
    random_.fill(std::as_writable_bytes(std::span(out)));
    return out;
  }
  std::string name() { return bytes(1, 40); }
  std::size_t count() { return coin() ? 0 : random_.below(200); }
  Gap gap() {
    const std::uint64_t first = from_one();
    return {partition(), first, std::max(first, number())};
  }
  model::Tags tags() {
    model::Tags made;
    for (std::size_t i = coin() ? 0 : random_.below(model::kTagsMax + 1); i > 0; --i) {
      made.push_back({bytes(1, model::kTagNameBytesMax), bytes(0, model::kTagValueBytesMax)});
    }
    return model::make_tags(std::move(made));
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> tails() {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> made;
    for (std::size_t i = count(); i > 0; --i) made.emplace_back(partition(), number());
    return made;
  }

  EventMessage data() {
    EventMessage made;
    made.sequence = from_one();
    made.app_id = name();
    made.channel = name();
    made.event = name();
    made.data = bytes(0, coin() ? 20 : 20'000);
    if (coin()) {
      made.except.emplace();
      made.except->high = random_.below(model::SocketId::kHalfMax);
      made.except->low = random_.below(model::SocketId::kHalfMax);
    }
    made.user_id = bytes(0, 40);
    made.is_client_event = coin();
    made.conflation_key = bytes(0, 40);
    if (coin()) made.delta = coin();
    made.tags = tags();
    if (coin()) made.cache_time = number();
    return made;
  }
  CommandMessage commands() {
    CommandMessage made;
    for (std::size_t i = count(); i > 0; --i) {
      const auto kind = static_cast<CommandKind>(random_.below(256));
      made.commands.push_back({number(), number(), kind, bytes(0, 20), bytes(0, 200)});
    }
    return made;
  }
  MarkRequest mark_request() {
    MarkRequest made{partition(), generation(), {}};
    for (std::size_t i = count(); i > 0; --i) made.wanted.push_back(some_boot());
    return made;
  }
  GapAnswer gap_answer() {
    GapAnswer made{some_boot(), gap(), coin(), {}};
    for (std::size_t i = count(); i > 0; --i) {
      made.hits.push_back({bytes(0, 20), bytes(0, 200), number()});
    }
    return made;
  }
  ShareMessage share() {
    ShareMessage made;
    made.number = number();
    for (std::size_t i = count(); i > 0; --i) {
      made.counts.push_back({bytes(0, 20), bytes(0, 200), number()});
    }
    for (std::size_t i = count(); i > 0; --i) {
      made.users.push_back(
          {bytes(0, 20), bytes(0, 200), bytes(0, 20), bytes(0, 20), bytes(0, 50), coin()});
    }
    made.parts = number();
    made.part = number();
    if (coin()) made.to = some_boot();
    return made;
  }
  BroadcastMessage broadcast() {
    BroadcastMessage made;
    made.number = from_one();
    made.app_id = name();
    made.event = name();
    made.data = bytes(0, 200);
    if (coin()) made.except = model::SocketId{1, random_.below(model::SocketId::kHalfMax)};
    if (coin()) made.except_node = name();
    return made;
  }
  BatchMessage batch() {
    BatchMessage made;
    for (std::size_t i = 1 + count(); i > 0; --i) append_entry(made.envelopes, bytes(0, 300));
    return made;
  }
  Message message() {
    switch (static_cast<Kind>(1 + random_.below(static_cast<std::uint64_t>(Kind::kBatch)))) {
      case Kind::kData:
        return data();
      case Kind::kProbe:
        return ProbeMessage{};
      case Kind::kMarkRequest:
        return mark_request();
      case Kind::kMark:
        return MarkMessage{some_boot(), generation(), number()};
      case Kind::kGapQuestion:
        return GapQuestion{some_boot(), gap()};
      case Kind::kGapAnswer:
        return gap_answer();
      case Kind::kHello:
        return HelloMessage{name(), coin()};
      case Kind::kWelcome:
        return WelcomeMessage{some_boot(), name()};
      case Kind::kBeat:
        return BeatMessage{from_one(),
                           name(),
                           bytes(0, 10),
                           tails(),
                           number(),
                           number(),
                           {bytes(0, 10), number(), bytes(0, 10), bytes(0, 10), number()},
                           {number(), number(), number(), number(), number(), number(), number()},
                           number(),
                           number()};
      case Kind::kLeave:
        return LeaveMessage{tails()};
      case Kind::kShare:
        return share();
      case Kind::kShareRequest:
        return ShareRequest{some_boot()};
      case Kind::kBroadcast:
        return broadcast();
      case Kind::kCommand:
        return commands();
      case Kind::kBatch:
        return batch();
    }
    return ProbeMessage{};
  }

  base::SeededRandom random_;
};

TEST(EnvelopeTest, WhatIsWrittenIsReadBack) {
  const std::uint64_t seed = base::SystemRandom().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomMessages messages(seed);
  std::array<std::size_t, std::variant_size_v<Message>> seen{};
  for (const std::string_view secret : {std::string_view(), kSecret}) {
    EnvelopeCodec codec(secret);
    for (int i = 0; i < 1000; ++i) {
      const Envelope envelope = messages.envelope();
      ++seen[envelope.message.index()];
      const std::string bytes = codec.encode(envelope);
      EXPECT_EQ(bytes.size(),
                kHeaderBytes + fields_size(envelope.message) + (secret.empty() ? 0U : 16U));
      const auto read = codec.decode(bytes);
      ASSERT_TRUE(read.ok()) << i << ": " << read.error().detail;
      ASSERT_EQ(read.value(), envelope) << i;
    }
  }
  for (const std::size_t count : seen) EXPECT_GT(count, 0U);
}

// The length is known before the first byte: 1 MiB of data is not copied again while it grows.
TEST(EnvelopeTest, EncodingReservesOnce) {
  EventMessage data = full_data();
  data.data = std::string(1 << 20, 'x');
  const std::string bytes = EnvelopeCodec(kSecret).encode({kFrom, 1, data});
  EXPECT_EQ(bytes.capacity(), bytes.size());
}

TEST(EnvelopeTest, FieldsComeInAnyOrder) {
  EnvelopeCodec codec("");
  const auto read = codec.decode(
      raw(Kind::kData, field(4, "e") + field(3, "c") + field(2, "a") + field(1, varint(7))));
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(std::get<EventMessage>(read.value().message).sequence, 7U);
}

TEST(EnvelopeTest, WhatIsNotThereHasItsDefault) {
  EnvelopeCodec codec("");
  const auto leave = codec.decode(raw(Kind::kLeave, ""));
  ASSERT_TRUE(leave.ok());
  EXPECT_EQ(std::get<LeaveMessage>(leave.value().message), LeaveMessage{});
  const auto data = codec.decode(codec.encode({kFrom, 1, least_data()}));
  ASSERT_TRUE(data.ok());
  EXPECT_FALSE(std::get<EventMessage>(data.value().message).except.has_value());
  EXPECT_FALSE(std::get<EventMessage>(data.value().message).delta.has_value());
}

// --- later formats ---------------------------------------------------------------------------

// Format 2 as it may come: fields that format 1 does not have, one of them twice, ids of any
// size, and a flag.
std::string as_format_2(std::string bytes) {
  bytes[2] = 2;
  bytes[kFlagsAt] = static_cast<char>(bytes[kFlagsAt] | 0x82);
  return bytes + field(30, "new") + field(30, "") + field(31, varint(1)) + field(100, "x") +
         field(std::uint64_t{1} << 63, std::string(300, 'y')) + field(0, "z");
}

TEST(EnvelopeVersionTest, ALaterFormatIsReadWithoutItsNewFields) {
  for (const Golden& golden : all_goldens()) {
    if (!golden.secret.empty()) continue;
    SCOPED_TRACE(golden.name);
    const std::string later = as_format_2(bytes_of_hex(golden.hex));
    for (const bool is_signed : {false, true}) {
      EnvelopeCodec codec(is_signed ? kSecret : "");
      const auto read = codec.decode(is_signed ? signed_by(kSecret, later) : later);
      ASSERT_TRUE(read.ok()) << read.error().detail;
      EXPECT_EQ(read.value(), golden.envelope);
    }
  }
}

struct Refusal {
  std::string bytes;
  EnvelopeErrc code;
  std::string_view said;  // a part of the detail
};

void expect_refusals(std::string_view secret, std::initializer_list<Refusal> refusals) {
  EnvelopeCodec codec(secret);
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(std::string(refusal.said).append(": ").append(hex_of(refusal.bytes)));
    const auto read = codec.decode(refusal.bytes);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(name_of(read.error().code), name_of(refusal.code)) << read.error().detail;
    EXPECT_NE(read.error().detail.find(refusal.said), std::string::npos) << read.error().detail;
  }
}

TEST(EnvelopeVersionTest, AKindOfALaterFormatIsTold) {
  expect_refusals("",
                  {
                      {raw(Header{.format = 2, .kind = 200}, field(1, "x")), EnvelopeErrc::kKind,
                       "its kind is 200, which this node does not know; its format is 2"},
                      {raw(Header{.kind = 15}, ""), EnvelopeErrc::kKind, "its kind is 15"},
                      {raw(Header{.kind = 255}, ""), EnvelopeErrc::kKind, "its kind is 255"},
                      {raw(Header{.kind = 0}, ""), EnvelopeErrc::kKind, "its kind is 0"},
                  });
}

TEST(EnvelopeVersionTest, AnotherMajorVersionIsRefused) {
  expect_refusals(
      "",
      {
          {raw(Header{.major = 2}, field(1, "x")), EnvelopeErrc::kMajor, "its major version is 2"},
          {raw(Header{.major = 0}, ""), EnvelopeErrc::kMajor, "its major version is 0"},
          {"\xc1\xff", EnvelopeErrc::kMajor, "its major version is 255, this node reads 1"},
      });
  // Whatever it means by a signature.
  expect_refusals(kSecret,
                  {
                      {raw(Header{.major = 2}, ""), EnvelopeErrc::kMajor, "its major version is 2"},
                  });
}

TEST(EnvelopeVersionTest, WhatOthersPublishIsNotOurs) {
  expect_refusals("",
                  {
                      {R"({"event":"x"})", EnvelopeErrc::kNotOurs, "begins with byte 123, not 193"},
                      {std::string(100, '\0'), EnvelopeErrc::kNotOurs, "begins with byte 0"},
                  });
}

// --- signatures ------------------------------------------------------------------------------

TEST(EnvelopeSignatureTest, EveryCutAndEveryFlipIsRefused) {
  EnvelopeCodec codec(kSecret);
  for (const Golden& golden : all_goldens()) {
    SCOPED_TRACE(golden.name);
    const std::string bytes = codec.encode(golden.envelope);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      EXPECT_FALSE(codec.decode(std::string(bytes, 0, at)).ok()) << "cut at " << at;
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
        EXPECT_FALSE(codec.decode(flipped).ok()) << "bit " << bit << " of byte " << at;
      }
    }
    EXPECT_FALSE(codec.decode(bytes + '\0').ok());
    EXPECT_TRUE(codec.decode(bytes).ok());
  }
}

TEST(EnvelopeSignatureTest, WhoHasASecretTakesOnlyItsSignatures) {
  const std::string bytes = raw(Kind::kProbe, "");
  expect_refusals(
      kSecret,
      {
          {bytes, EnvelopeErrc::kUnsigned, "no signature"},
          {signed_by("another", bytes), EnvelopeErrc::kSignature, "another secret"},
          // The flag alone: the last bytes are then taken for a signature.
          {raw(Header{.kind = 2, .flags = 1}, ""), EnvelopeErrc::kTruncated, "it has 14 bytes"},
          {raw(Header{.kind = 2, .flags = 1}, std::string(16, '\0')), EnvelopeErrc::kSignature,
           "another secret"},
          // A kind or a field is looked at when the signature is right.
          {raw(Header{.kind = 77, .flags = 1}, std::string(16, '\0')), EnvelopeErrc::kSignature,
           ""},
          {signed_by(kSecret, raw(Header{.kind = 77}, "")), EnvelopeErrc::kKind, "its kind is 77"},
      });
  EXPECT_TRUE(EnvelopeCodec(kSecret).decode(signed_by(kSecret, bytes)).ok());
}

TEST(EnvelopeSignatureTest, WhoHasNoSecretTakesSignedOnesUnchecked) {
  EnvelopeCodec open("");
  const Envelope envelope{kFrom, 2, full_data()};
  std::string bytes = EnvelopeCodec(kSecret).encode(envelope);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const auto read = open.decode(bytes);
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read.value(), envelope);
}

// --- what is wrong or too much -----------------------------------------------------------------

TEST(EnvelopeTest, CutsAndFlipsOfUnsignedOnesAreReadOrRefused) {
  EnvelopeCodec codec("");
  for (const Golden& golden : all_goldens()) {
    const std::string bytes = codec.encode(golden.envelope);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const auto cut = codec.decode(std::string(bytes, 0, at));
      if (at < kHeaderBytes) {
        EXPECT_EQ(cut.error().code, EnvelopeErrc::kTruncated);
      }
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
        const auto read = codec.decode(flipped);
        if (!read) continue;
        EXPECT_EQ(codec.decode(codec.encode(read.value())).value(), read.value());
      }
    }
  }
}

TEST(EnvelopeTest, AFieldThatEndsTooEarlyIsTruncated) {
  const std::string least = field(1, varint(1)) + field(2, "a") + field(3, "c");
  expect_refusals(
      "",
      {
          {"", EnvelopeErrc::kTruncated, "it has 0 bytes, and a header has 14"},
          {raw(Kind::kData, least + "\x04"), EnvelopeErrc::kTruncated, "inside the id or length"},
          {raw(Kind::kData, least + "\x84"), EnvelopeErrc::kTruncated, "inside the id or length"},
          {raw(Kind::kData, least + "\x04\x02"
                                    "e"),
           EnvelopeErrc::kTruncated, "field number 4 has 2 bytes, and 1 are left"},
          {raw(Kind::kData, least + "\x04" + varint(std::numeric_limits<std::uint64_t>::max())),
           EnvelopeErrc::kTruncated, "has 18446744073709551615 bytes, and 0 are left"},
      });
}

TEST(EnvelopeTest, NumbersAbove64BitsAreRefused) {
  const std::string above = std::string(9, '\xff') + '\x02';
  const std::string endless = std::string(10, '\x80') + '\x01';
  expect_refusals(
      "", {
              {raw(Kind::kData, field(1, above)), EnvelopeErrc::kField,
               "data: field sequence holds a number above 64 bits"},
              {raw(Kind::kData, field(1, endless)), EnvelopeErrc::kField, "above 64 bits"},
              {raw(Kind::kData, field(1, "\x80")), EnvelopeErrc::kField, "ends inside a number"},
              {raw(Kind::kData, field(1, "")), EnvelopeErrc::kField, "ends inside a number"},
              {raw(Kind::kData, field(1, varint(1) + "x")), EnvelopeErrc::kField,
               "is longer than what it holds"},
              {raw(Kind::kData, above), EnvelopeErrc::kField, "id or a length of a field is above"},
              {raw(Kind::kData, "\x01" + endless), EnvelopeErrc::kField, "is above 64 bits"},
          });
}

TEST(EnvelopeTest, AFieldThatComesTwiceOrIsMissingIsNamed) {
  const std::string least = field(1, varint(1)) + field(2, "a") + field(3, "c");
  expect_refusals(
      "",
      {
          {raw(Kind::kData, least + field(4, "e") + field(3, "d")), EnvelopeErrc::kField,
           "data: field channel comes twice"},
          {raw(Kind::kData, least), EnvelopeErrc::kField, "data: field event is missing"},
          {raw(Kind::kData, least + field(4, "")), EnvelopeErrc::kField, "field event is empty"},
          {raw(Kind::kMarkRequest, ""), EnvelopeErrc::kField, "field partition is missing"},
          {raw(Kind::kMark, field(1, boot(2))), EnvelopeErrc::kField, "field tail is missing"},
          {raw(Kind::kMark, field(3, varint(2))), EnvelopeErrc::kField, "field to is missing"},
          {raw(Kind::kGapQuestion, field(1, boot(2))), EnvelopeErrc::kField,
           "field gap is missing"},
          {raw(Kind::kHello, ""), EnvelopeErrc::kField, "hello: field name is missing"},
          {raw(Kind::kWelcome, field(1, boot(2))), EnvelopeErrc::kField, "field name is missing"},
          {raw(Kind::kBeat, field(2, "n")), EnvelopeErrc::kField, "beat: field number is missing"},
      });
}

TEST(EnvelopeTest, WrongValuesAreRefusedWithFieldAndValue) {
  const std::string least = field(1, varint(1)) + field(2, "a") + field(3, "c") + field(4, "e");
  const std::string half_max = varint(model::SocketId::kHalfMax);
  const std::string control = varint(number_of(Subject::kControl));
  expect_refusals(
      "",
      {
          {raw(Header{.from = 0}, least), EnvelopeErrc::kField, "its sender is the boot id 0"},
          {raw(Header{.priority = 4}, least), EnvelopeErrc::kField, "its priority is 4"},
          {raw(Header{.format = 0}, least), EnvelopeErrc::kField, "its format is 0"},
          {raw(Kind::kData, field(1, varint(0)) + least.substr(3)), EnvelopeErrc::kField,
           "field sequence is 0; it begins at 1"},
          {raw(Kind::kBeat, field(1, varint(0)) + field(2, "n")), EnvelopeErrc::kField,
           "field number is 0"},
          {raw(Kind::kData, least + field(6, half_max + varint(0))), EnvelopeErrc::kField,
           "field except holds 10000000000; at most 9999999999"},
          {raw(Kind::kData, least + field(6, varint(0) + half_max)), EnvelopeErrc::kField,
           "field except holds 10000000000"},
          {raw(Kind::kData, least + field(6, varint(5))), EnvelopeErrc::kField,
           "field except ends inside a number"},
          {raw(Kind::kData, least + field(8, varint(2))), EnvelopeErrc::kField,
           "field is_client_event holds 2; at most 1"},
          {raw(Kind::kData, least + field(10, varint(2))), EnvelopeErrc::kField,
           "field delta holds 2"},
          {raw(Kind::kMarkRequest, field(1, control)), EnvelopeErrc::kField,
           "field partition holds 4294967295; at most 4294967294"},
          {raw(Kind::kMarkRequest, field(1, varint(1)) + field(2, varint(1ULL << 32))),
           EnvelopeErrc::kField, "field generation holds 4294967296"},
          {raw(Kind::kMarkRequest, field(1, varint(1)) + field(3, boot(9) + boot(0))),
           EnvelopeErrc::kField, "field wanted has a wrong entry 2, which holds the boot id 0"},
          {raw(Kind::kMarkRequest, field(1, varint(1)) + field(3, boot(9) + "1234567")),
           EnvelopeErrc::kField, "field wanted has a wrong entry 2, which ends inside a boot id"},
          {raw(Kind::kMark, field(1, boot(0)) + field(3, varint(1))), EnvelopeErrc::kField,
           "field to holds the boot id 0"},
          {raw(Kind::kGapQuestion, field(1, boot(2)) + field(2, varint(1) + varint(9) + varint(8))),
           EnvelopeErrc::kField, "field gap goes from 9 to 8"},
          {raw(Kind::kGapQuestion, field(1, boot(2)) + field(2, varint(1) + varint(0) + varint(8))),
           EnvelopeErrc::kField, "field gap goes from 0 to 8"},
          {raw(Kind::kGapQuestion, field(1, boot(2)) + field(2, control + varint(1) + varint(8))),
           EnvelopeErrc::kField, "field gap holds 4294967295"},
          {raw(Kind::kLeave, field(1, varint(1) + varint(9) + control + varint(9))),
           EnvelopeErrc::kField, "field tails has a wrong entry 2, which holds 4294967295"},
          {raw(Kind::kLeave, field(1, varint(1))), EnvelopeErrc::kField,
           "leave: field tails has a wrong entry 1, which ends inside a number"},
          {raw(Kind::kGapAnswer, field(1, boot(2)) + field(2, varint(1) + varint(1) + varint(1)) +
                                     field(4, text("a") + varint(200) + "c")),
           EnvelopeErrc::kField, "field hits has a wrong entry 1, which ends inside a text of 200"},
      });
}

std::string tag_list(std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    list += text(std::string(i + 1, 'n')) + text("v");
  }
  return list;
}

TEST(EnvelopeTest, TagsKeepTheirLimitsAndTheirOrder) {
  const std::string least = field(1, varint(1)) + field(2, "a") + field(3, "c") + field(4, "e");
  const auto tagged = [&least](std::string_view list) {
    return raw(Kind::kData, least + field(11, list));
  };
  const std::string name(model::kTagNameBytesMax, 'n');
  const std::string value(model::kTagValueBytesMax, 'v');
  expect_refusals(
      "", {
              {tagged(tag_list(model::kTagsMax + 1)), EnvelopeErrc::kField, "more than 64 entries"},
              {tagged(text(name + "n") + text(value)), EnvelopeErrc::kField,
               "field tags has a wrong entry 1, which holds 257; at most 256"},
              {tagged(text(name) + text(value + "v")), EnvelopeErrc::kField,
               "holds 1025; at most 1024"},
              {tagged(text("") + text("v")), EnvelopeErrc::kField, "entry 1 without a name"},
              {tagged(text("a") + text("1") + text("a") + text("2")), EnvelopeErrc::kField,
               "entry 2 without a name or out of order"},
              {tagged(text("b") + text("1") + text("a") + text("2")), EnvelopeErrc::kField,
               "entry 2 without a name or out of order"},
              {tagged(text("a") + "\x7f"), EnvelopeErrc::kField, "ends inside a text of 127 bytes"},
          });
  EXPECT_TRUE(EnvelopeCodec("").decode(tagged(tag_list(model::kTagsMax))).ok());
  EXPECT_TRUE(EnvelopeCodec("").decode(tagged(text(name) + text(value))).ok());
}

TEST(EnvelopeTest, ListsHaveAtMost65536Entries) {
  EnvelopeCodec codec("");
  LeaveMessage leave;
  leave.tails.assign(kEnvelopeListMax, {1, 1});
  EXPECT_TRUE(codec.decode(codec.encode({kFrom, 1, leave})).ok());
  leave.tails.emplace_back(1, 1);
  expect_refusals("", {{codec.encode({kFrom, 1, leave}), EnvelopeErrc::kField,
                        "leave: field tails has more than 65536 entries"}});
}

TEST(EnvelopeTest, AnEnvelopeOverTheLimitIsRefused) {
  EnvelopeCodec codec("");
  EventMessage data = least_data();
  data.data = std::string(kEnvelopeBytesMax, 'x');
  const std::size_t overhead = codec.encode({kFrom, 1, data}).size() - kEnvelopeBytesMax;
  data.data.resize(kEnvelopeBytesMax - overhead);
  EXPECT_TRUE(codec.decode(codec.encode({kFrom, 1, data})).ok());
  data.data.push_back('x');
  const auto read = codec.decode(codec.encode({kFrom, 1, data}));
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, EnvelopeErrc::kTooLarge);
  EXPECT_EQ(read.error().detail, "the envelope has 16842753 bytes; at most 16842752 are read");
}

TEST(EnvelopeTest, AnErrorHoldsNothingOfATextAndIsShort) {
  EnvelopeCodec codec("");
  const std::string private_text = "PRIVATE";
  EventMessage data = full_data();
  data.app_id = data.channel = data.event = data.data = data.user_id = private_text;
  data.conflation_key = private_text;
  data.tags = {{private_text, private_text}};
  const std::string bytes = codec.encode({kFrom, 1, data});
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(value);
      const auto read = codec.decode(damaged);
      if (read) continue;
      EXPECT_EQ(read.error().detail.find("PRIV"), std::string::npos) << read.error().detail;
      EXPECT_FALSE(read.error().detail.empty());
      EXPECT_LT(read.error().detail.size(), 160U) << read.error().detail;
    }
  }
}

TEST(EnvelopeTest, ErrorsAndKindsHaveNamesForLabels) {
  EXPECT_EQ(name_of(EnvelopeErrc::kNotOurs), "magic");
  EXPECT_EQ(name_of(EnvelopeErrc::kMajor), "version");
  EXPECT_EQ(name_of(EnvelopeErrc::kTooLarge), "too_large");
  EXPECT_EQ(name_of(kind_of(EventMessage{})), "data");
  EXPECT_EQ(name_of(kind_of(GapAnswer{})), "gap_answer");
  EXPECT_EQ(name_of(kind_of(LeaveMessage{})), "leave");
}

}  // namespace
}  // namespace mr::cluster
