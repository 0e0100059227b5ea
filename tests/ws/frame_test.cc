#include "ws/frame.h"

#include <gtest/gtest.h>

#include "support/ws_bytes.h"
#include "ws/errc.h"

namespace mr::ws {
namespace {

using test::raw_frame;

std::variant<FrameHeader, NeedMore, Errc> read(std::string_view bytes, Role role = Role::kServer,
                                               bool in_message = false) {
  return read_header(std::as_bytes(std::span(bytes)), role, in_message);
}

std::optional<Errc> error_of(std::string_view bytes, Role role = Role::kServer,
                             bool in_message = false) {
  const auto result = read(bytes, role, in_message);
  const Errc* error = std::get_if<Errc>(&result);
  return error ? std::optional(*error) : std::nullopt;
}

TEST(FrameTest, LengthsTakeTheirShortestForm) {
  const std::pair<std::size_t, std::size_t> sizes[] = {
      {0, 2}, {125, 2}, {126, 4}, {127, 4}, {65535, 4}, {65536, 10}, {100'000, 10}};
  for (const auto& [payload, header] : sizes) {
    const std::string bytes = text_frame(std::string(payload, 'x'));
    EXPECT_EQ(bytes.size(), payload + header);
    EXPECT_EQ(bytes, raw_frame({.payload = std::string(payload, 'x'), .masked = false}));
    const auto parsed = read(bytes, Role::kClient);
    ASSERT_TRUE(std::holds_alternative<FrameHeader>(parsed)) << payload;
    EXPECT_EQ(std::get<FrameHeader>(parsed).payload_bytes, payload);
    EXPECT_EQ(std::get<FrameHeader>(parsed).header_bytes, header);
  }
}

TEST(FrameTest, ClientFramesAreMasked) {
  for (std::size_t size : {0, 5, 200, 70'000}) {
    EXPECT_EQ(masked_frame(Opcode::kBinary, std::string(size, 'q'), test::kTestKey),
              raw_frame({.opcode = 2, .payload = std::string(size, 'q')}));
  }
  EXPECT_EQ(masked_close_frame(1000, "bye", test::kTestKey), raw_frame({.opcode = 8,
                                                                        .payload = "\x03\xE8"
                                                                                   "bye"}));
}

TEST(FrameTest, TheExampleOfTheStandard) {  // RFC 6455 5.7
  EXPECT_EQ(text_frame("Hello"), "\x81\x05Hello");
  EXPECT_EQ(masked_frame(Opcode::kText, "Hello", test::kTestKey),
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(FrameTest, CloseReasonIsCutAtACharacter) {
  EXPECT_EQ(close_frame(4001, "no"), "\x88\x04\x0F\xA1no");
  EXPECT_EQ(close_frame(1000), "\x88\x02\x03\xE8");
  EXPECT_EQ(close_frame(1000, std::string(200, 'a')).size(), 127U);
  const std::string cut = close_frame(1000, std::string(122, 'a') + "\xE2\x82\xAC");
  EXPECT_EQ(cut.size(), 2 + 2 + 122U);
}

TEST(FrameTest, HeaderInPieces) {
  const std::string bytes = raw_frame({.payload = std::string(70'000, 'x')});
  for (std::size_t size = 0; size < 14; ++size) {
    EXPECT_TRUE(std::holds_alternative<NeedMore>(read(bytes.substr(0, size)))) << size;
  }
  EXPECT_TRUE(std::holds_alternative<FrameHeader>(read(bytes.substr(0, 14))));
}

TEST(FrameTest, ViolationsShowWithTheFirstByteThatProvesThem) {
  constexpr std::uint8_t kReserved[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
  constexpr std::uint8_t kControl[] = {8, 9, 10};
  for (int rsv = 1; rsv < 8; ++rsv) {
    const auto bits = static_cast<std::uint8_t>(rsv);
    EXPECT_EQ(error_of(raw_frame({.rsv = bits}).substr(0, 1)), Errc::kReservedBits);
  }
  for (const std::uint8_t opcode : kReserved) {
    EXPECT_EQ(error_of(raw_frame({.opcode = opcode}).substr(0, 1)), Errc::kReservedOpcode);
  }
  for (const std::uint8_t opcode : kControl) {
    EXPECT_EQ(error_of(raw_frame({.opcode = opcode, .fin = false}).substr(0, 1)),
              Errc::kControlFragmented);
    const std::string longer = raw_frame({.opcode = opcode, .payload = std::string(126, 'x')});
    EXPECT_EQ(error_of(longer.substr(0, 2)), Errc::kControlTooLong);
  }
  EXPECT_EQ(error_of("\x80"), Errc::kUnexpectedContinuation);
  EXPECT_EQ(error_of("\x81", Role::kServer, true), Errc::kUnfinishedMessage);
  EXPECT_EQ(error_of("\x80", Role::kServer, true), std::nullopt);
}

TEST(FrameTest, MasksByRole) {
  EXPECT_EQ(error_of(raw_frame({.masked = false}), Role::kServer), Errc::kMaskMissing);
  EXPECT_EQ(error_of(raw_frame({.masked = true}), Role::kClient), Errc::kMaskUnexpected);
}

TEST(FrameTest, LongFormsOfShortLengthsAreRefused) {
  for (std::size_t size : {0, 125}) {
    EXPECT_EQ(error_of(raw_frame({.payload = std::string(size, 'x'), .length_bytes = 2})),
              Errc::kLengthNotMinimal);
  }
  for (std::size_t size : {0, 126, 65535}) {
    EXPECT_EQ(error_of(raw_frame({.payload = std::string(size, 'x'), .length_bytes = 8})),
              Errc::kLengthNotMinimal);
  }
  EXPECT_EQ(error_of("\x82\xFF\x80"), Errc::kLengthTopBit);
}

TEST(FrameTest, CloseCodesOnTheWire) {
  for (int code : {1000, 1001, 1002, 1003, 1007, 1010, 1011, 1014, 3000, 3999, 4000, 4999}) {
    EXPECT_TRUE(is_close_code_on_wire(static_cast<std::uint16_t>(code))) << code;
  }
  for (int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    EXPECT_FALSE(is_close_code_on_wire(static_cast<std::uint16_t>(code))) << code;
  }
}

TEST(ErrcTest, EveryViolationHasACodeAndASentenceThatFitsACloseFrame) {
  for (int i = 0; i <= static_cast<int>(Errc::kMessageTooBig); ++i) {
    const auto error = static_cast<Errc>(i);
    EXPECT_NE(describe(error), "protocol error") << i;
    EXPECT_LE(describe(error).size(), kCloseReasonBytesMax) << i;
  }
  EXPECT_EQ(close_code(Errc::kReservedBits), 1002);
  EXPECT_EQ(close_code(Errc::kLengthTopBit), 1002);
  EXPECT_EQ(close_code(Errc::kInvalidUtf8), 1007);
  EXPECT_EQ(close_code(Errc::kMessageTooBig), 1009);
}

}  // namespace
}  // namespace mr::ws
