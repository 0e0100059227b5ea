#include "ws/receiver.h"

#include <gtest/gtest.h>

#include "support/ws_bytes.h"
#include "support/ws_recording.h"

namespace mr::ws {
namespace {

using test::every_cut;
using test::parse_ws;
using test::raw_frame;
using test::RecordingSink;
using test::WsEvent;
using test::WsParse;

constexpr std::size_t kLimit = 64 * 1024;

// The same answer whole and byte by byte.
WsParse parse(std::string_view stream, std::size_t limit = kLimit, Role role = Role::kServer) {
  const WsParse whole = parse_ws(role, limit, stream);
  EXPECT_EQ(whole, parse_ws(role, limit, stream, every_cut(stream.size())));
  return whole;
}

void expect_failure(std::string_view stream, Errc error, std::size_t limit = kLimit) {
  const WsParse result = parse(stream, limit);
  EXPECT_EQ(result.state, ReceiverState::kFailed);
  EXPECT_EQ(result.error, error) << describe(result.error);
}

std::string close_payload(int code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + std::string(reason);
}

TEST(ReceiverTest, WholeMessages) {
  const WsParse result =
      parse(raw_frame({.payload = "one"}) + raw_frame({.opcode = 2, .payload = "\xFF\xFE"}) +
            raw_frame({}) + raw_frame({.opcode = 9, .payload = "p"}) +
            raw_frame({.opcode = 10, .payload = ""}));
  EXPECT_EQ(result.state, ReceiverState::kOpen);
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kText, "one"},
                                                 {Opcode::kBinary, "\xFF\xFE"},
                                                 {Opcode::kText, ""},
                                                 {Opcode::kPing, "p"},
                                                 {Opcode::kPong, ""}}));
}

TEST(ReceiverTest, CompleteFramesAllocateNothing) {
  RecordingSink sink;
  Receiver receiver(Role::kServer, {});
  std::string bytes = raw_frame({.payload = std::string(5000, 'x')}) + raw_frame({.payload = "y"});
  receiver.consume(std::as_writable_bytes(std::span(bytes)), sink);
  EXPECT_EQ(receiver.buffered_bytes(), 0U);
  EXPECT_EQ(sink.events.size(), 2U);
}

TEST(ReceiverTest, PartialFramesAreFreedWhenDelivered) {
  RecordingSink sink;
  Receiver receiver(Role::kServer, {});
  std::string bytes = raw_frame({.payload = std::string(5000, 'x')});
  auto span = std::as_writable_bytes(std::span(bytes));
  receiver.consume(span.first(3000), sink);
  EXPECT_GT(receiver.buffered_bytes(), 2900U);
  receiver.consume(span.subspan(3000), sink);
  EXPECT_EQ(receiver.buffered_bytes(), 0U);
  ASSERT_EQ(sink.events.size(), 1U);
  EXPECT_EQ(sink.events[0].payload, std::string(5000, 'x'));
}

TEST(ReceiverTest, AHeaderAloneDoesNotAllocateWhatItAnnounces) {
  RecordingSink sink;
  Receiver receiver(Role::kServer, {.message_bytes_max = 16 << 20});
  std::string bytes = raw_frame({.opcode = 2, .payload = std::string(1 << 20, 'x')});
  receiver.consume(std::as_writable_bytes(std::span(bytes)).first(100), sink);
  EXPECT_LT(receiver.buffered_bytes(), 2048U);
}

TEST(ReceiverTest, FragmentsWithControlFramesBetween) {
  const WsParse result =
      parse(raw_frame({.payload = "ab", .fin = false}) + raw_frame({.opcode = 9, .payload = "1"}) +
            raw_frame({.opcode = 0, .payload = "", .fin = false}) + raw_frame({.opcode = 10}) +
            raw_frame({.opcode = 0, .payload = "cd"}) + raw_frame({.payload = "e"}));
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kPing, "1"},
                                                 {Opcode::kPong, ""},
                                                 {Opcode::kText, "abcd"},
                                                 {Opcode::kText, "e"}}));
}

TEST(ReceiverTest, CharactersMayBeCutByFragments) {
  const WsParse result = parse(raw_frame({.payload = "\xE2", .fin = false}) +
                               raw_frame({.opcode = 0, .payload = "\x82", .fin = false}) +
                               raw_frame({.opcode = 0, .payload = "\xAC"}));
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kText, "\xE2\x82\xAC"}}));
}

TEST(ReceiverTest, FragmentOrder) {
  expect_failure(raw_frame({.opcode = 0}), Errc::kUnexpectedContinuation);
  expect_failure(raw_frame({.opcode = 0, .fin = false}), Errc::kUnexpectedContinuation);
  expect_failure(raw_frame({.payload = "a", .fin = false}) + raw_frame({.payload = "b"}),
                 Errc::kUnfinishedMessage);
  expect_failure(raw_frame({.fin = false}) + raw_frame({.opcode = 0}) + raw_frame({.opcode = 0}),
                 Errc::kUnexpectedContinuation);
}

TEST(ReceiverTest, MasksByRole) {
  expect_failure(raw_frame({.masked = false}), Errc::kMaskMissing);
  EXPECT_EQ(parse(raw_frame({.masked = true}), kLimit, Role::kClient).error, Errc::kMaskUnexpected);
  EXPECT_EQ(parse(raw_frame({.payload = "x", .masked = false}), kLimit, Role::kClient).events,
            (std::vector<WsEvent>{{Opcode::kText, "x"}}));
}

TEST(ReceiverTest, BadUtf8FailsBeforeTheEndOfTheFrame) {
  expect_failure(raw_frame({.payload = "ok\xC0\xAF and more"}), Errc::kInvalidUtf8);
  expect_failure(raw_frame({.payload = "ok\xE2\x82"}), Errc::kInvalidUtf8);
  expect_failure(raw_frame({.payload = "ok\xE2", .fin = false}) +
                     raw_frame({.opcode = 0, .payload = "a", .fin = false}),
                 Errc::kInvalidUtf8);
  expect_failure(raw_frame({.payload = "ok\xE2", .fin = false}) + raw_frame({.opcode = 0}),
                 Errc::kInvalidUtf8);
  const std::string bytes = raw_frame({.payload = "ok\xFF" + std::string(1000, 'x')});
  expect_failure(bytes.substr(0, 11), Errc::kInvalidUtf8);
}

TEST(ReceiverTest, BinaryIsNotText) {
  EXPECT_EQ(parse(raw_frame({.opcode = 2, .payload = "\xFF", .fin = false}) +
                  raw_frame({.opcode = 0, .payload = "\xC0"}))
                .events,
            (std::vector<WsEvent>{{Opcode::kBinary, "\xFF\xC0"}}));
}

TEST(ReceiverTest, LimitIsCheckedFromTheHeader) {
  EXPECT_EQ(parse(raw_frame({.payload = std::string(100, 'x')}), 100).events.size(), 1U);
  const std::string over = raw_frame({.payload = std::string(101, 'x')});
  expect_failure(over.substr(0, 6), Errc::kMessageTooBig, 100);
  const std::string fragments = raw_frame({.payload = std::string(60, 'x'), .fin = false}) +
                                raw_frame({.opcode = 0, .payload = std::string(41, 'x')});
  expect_failure(fragments.substr(0, 66 + 6), Errc::kMessageTooBig, 100);
  EXPECT_EQ(parse(fragments, 101).events.size(), 1U);
  // Control frames do not count.
  EXPECT_EQ(parse(raw_frame({.opcode = 9, .payload = std::string(125, 'x')}), 100).events.size(),
            1U);
  expect_failure(
      "\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
      "1234",
      Errc::kMessageTooBig);
  expect_failure(
      "\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
      "1234",
      Errc::kLengthTopBit);
}

TEST(ReceiverTest, ManySmallFragmentsStayUnderTheLimit) {
  constexpr std::size_t kBytesMax = 5000;
  std::string stream = raw_frame({.payload = "x", .fin = false});
  for (std::size_t i = 1; i < kBytesMax; ++i) {
    stream += raw_frame({.opcode = 0, .payload = "x", .fin = false});
  }
  std::size_t peak = 0;
  EXPECT_TRUE(
      parse_ws(Role::kServer, kBytesMax, stream, every_cut(stream.size()), &peak).events.empty());
  EXPECT_GE(peak, kBytesMax);
  EXPECT_LE(peak, kBytesMax + 512);
}

TEST(ReceiverTest, CloseWithCodeAndReason) {
  WsParse result = parse(raw_frame({.opcode = 8, .payload = close_payload(1000, "bye")}) +
                         raw_frame({.payload = "ignored"}));
  EXPECT_EQ(result.state, ReceiverState::kClosed);
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kClose, "bye", 1000}}));
  result = parse(raw_frame({.opcode = 8}));
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kClose, "", std::nullopt}}));
  result = parse(raw_frame({.opcode = 8, .payload = close_payload(4999, std::string(123, 'r'))}));
  EXPECT_EQ(result.state, ReceiverState::kClosed);
}

TEST(ReceiverTest, WrongCloseFrames) {
  expect_failure(raw_frame({.opcode = 8, .payload = "a"}), Errc::kClosePayload);
  for (int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    expect_failure(raw_frame({.opcode = 8, .payload = close_payload(code)}), Errc::kCloseCode);
  }
  expect_failure(raw_frame({.opcode = 8, .payload = close_payload(1000, "\xED\xA0\x80")}),
                 Errc::kInvalidUtf8);
  expect_failure(raw_frame({.opcode = 8, .payload = close_payload(1000, std::string(124, 'r'))}),
                 Errc::kControlTooLong);
}

TEST(ReceiverTest, CloseWithinAMessageEndsIt) {
  const WsParse result = parse(raw_frame({.payload = "half", .fin = false}) +
                               raw_frame({.opcode = 8, .payload = close_payload(1001)}));
  EXPECT_EQ(result.events, (std::vector<WsEvent>{{Opcode::kClose, "", 1001}}));
}

TEST(ReceiverTest, ASinkCanStopIt) {
  RecordingSink sink;
  sink.stop_after = 2;
  Receiver receiver(Role::kServer, {});
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += raw_frame({.payload = "m"});
  auto span = std::as_writable_bytes(std::span(bytes));
  EXPECT_EQ(receiver.consume(span.first(span.size() - 1), sink).state, ReceiverState::kStopped);
  EXPECT_EQ(receiver.consume(span.last(1), sink).state, ReceiverState::kStopped);
  EXPECT_EQ(sink.events.size(), 2U);
  EXPECT_EQ(receiver.buffered_bytes(), 0U);
}

TEST(ReceiverTest, AFailureIsFinal) {
  RecordingSink sink;
  Receiver receiver(Role::kServer, {});
  std::string bad = raw_frame({.rsv = 1});
  EXPECT_FALSE(receiver.consume(std::as_writable_bytes(std::span(bad)), sink).is_open());
  std::string good = raw_frame({.payload = "late"});
  EXPECT_EQ(receiver.consume(std::as_writable_bytes(std::span(good)), sink).error,
            Errc::kReservedBits);
  EXPECT_TRUE(sink.events.empty());
}

TEST(ReceiverTest, CanBeMovedInTheMiddle) {
  RecordingSink sink;
  Receiver first(Role::kServer, {});
  std::string bytes = raw_frame({.payload = "moved"});
  auto span = std::as_writable_bytes(std::span(bytes));
  first.consume(span.first(8), sink);
  Receiver second = std::move(first);
  second.consume(span.subspan(8), sink);
  EXPECT_EQ(sink.events, (std::vector<WsEvent>{{Opcode::kText, "moved"}}));
}

}  // namespace
}  // namespace mr::ws
