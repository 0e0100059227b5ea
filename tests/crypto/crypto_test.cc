#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/random.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "crypto/hmac.h"

namespace mr::crypto {
namespace {

// RFC 4231 section 4.
TEST(HmacSha256Test, KnownAnswers) {
  EXPECT_EQ(HmacSha256(std::string(20, '\x0b')).sign_hex("Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256("Jefe").sign_hex("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256(std::string(131, '\xaa'))
                .sign_hex("Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// The example of Pusher's "Generating authorization strings" page.
TEST(HmacSha256Test, PusherChannelExample) {
  EXPECT_EQ(HmacSha256("7ad3773142a6692b25b8").sign_hex("1234.1234:private-foobar"),
            "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4");
}

TEST(HmacSha256Test, EmptyKeyAndEmptyText) {
  EXPECT_EQ(HmacSha256("").sign_hex(""),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HmacSha256Test, PartsAreSignedAsOneText) {
  HmacSha256 hmac("key");
  EXPECT_EQ(hmac.sign_hex({"ab", "", "c"}), hmac.sign_hex("abc"));
  EXPECT_NE(hmac.sign_hex({"ab", "d"}), hmac.sign_hex("abc"));
}

TEST(HmacSha256Test, IsUsableManyTimesAndAfterAMove) {
  HmacSha256 hmac("Jefe");
  const std::string first = hmac.sign_hex("what do ya want for nothing?");
  hmac.sign("something else");
  HmacSha256 moved = std::move(hmac);
  EXPECT_EQ(moved.sign_hex("what do ya want for nothing?"), first);
}

// RFC 1321 A.5, FIPS 180-2.
TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

// RFC 4648 section 10.
TEST(Base64Test, KnownAnswersBothWays) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe", "//4="}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
}

TEST(Base64Test, RefusesWhatNoEncoderWrites) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm-v",
                           "====", "Z===", "Zg==Zg==", "=", "A=A="}) {
    EXPECT_FALSE(base64_decode(text).has_value()) << text;
  }
}

TEST(Base64Test, RoundTripOfRandomBytes) {
  const std::uint64_t seed = base::SystemRandom().next();
  RecordProperty("seed", std::to_string(seed));
  base::SeededRandom random(seed);
  for (std::size_t length = 0; length < 200; ++length) {
    std::string bytes(length, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes) << "seed " << seed;
  }
}

TEST(HexTest, LowerCaseTwoDigits) {
  const std::array<std::byte, 3> bytes = {std::byte{0}, std::byte{0x0f}, std::byte{0xa0}};
  EXPECT_EQ(hex(bytes), "000fa0");
}

TEST(EqualConstantTimeTest, ComparesBytesAndLength) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time(std::string("a\0b", 3), std::string("a\0b", 3)));
  EXPECT_FALSE(equal_constant_time(std::string("a\0b", 3), std::string("a\0c", 3)));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
  EXPECT_FALSE(equal_constant_time("xbc", "abc"));
}

}  // namespace
}  // namespace mr::crypto
