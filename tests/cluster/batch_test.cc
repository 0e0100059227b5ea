#include "cluster/batch.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "cluster/envelope.h"

namespace mr::cluster {
namespace {

constexpr BootId kFrom{0x0123456789abcdef};

std::string event(std::uint64_t sequence, std::string data = "1") {
  EventMessage message;
  message.sequence = sequence;
  message.app_id = "a";
  message.channel = "c";
  message.event = "e";
  message.data = std::move(data);
  return EnvelopeCodec("").encode({kFrom, 1, message});
}

BatchMessage batch_of(const std::vector<std::string>& envelopes) {
  BatchMessage batch;
  for (const std::string& envelope : envelopes) append_entry(batch.envelopes, envelope);
  return batch;
}

BatchMessage compressed(const BatchMessage& batch) {
  Deflater deflater;
  return {"", deflater.deflate(batch.envelopes), batch.envelopes.size()};
}

void expect_refused(const BatchMessage& batch, EnvelopeErrc code, std::string_view detail) {
  EnvelopeCodec codec("");
  const auto read = codec.decode(codec.encode({kFrom, 1, batch}));
  ASSERT_FALSE(read.ok()) << detail;
  EXPECT_EQ(read.error().code, code);
  EXPECT_NE(read.error().detail.find(detail), std::string::npos) << read.error().detail;
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Three times the smallest data envelope, made by another program. Which bytes this node writes is
// zlib's choice, so it has no golden form to write.
TEST(BatchTest, ACompressedBatchOfAnotherWriterIsRead) {
  const auto read = EnvelopeCodec("").decode(
      bytes_of_hex("c10102110001efcdab8967452301021f933ac8c8c8c8c0f8feeceace7457"
                   "65209b918931919931998531558a2c2900030151"));
  ASSERT_TRUE(read.ok()) << read.error().detail;
  const auto& batch = std::get<BatchMessage>(read.value().message);
  EventMessage least;
  least.sequence = 1;
  least.app_id = "a";
  least.channel = "c";
  least.event = "e";
  const std::string envelope = EnvelopeCodec("").encode({kFrom, 1, least});
  EXPECT_EQ(batch, batch_of({envelope, envelope, envelope}));
}

TEST(BatchTest, EntriesComeBackInOrder) {
  const BatchMessage batch = batch_of({"", "a", std::string(300, 'b')});
  std::string_view rest = batch.envelopes;
  EXPECT_EQ(take_entry(rest), "");
  EXPECT_EQ(take_entry(rest), "a");
  EXPECT_EQ(take_entry(rest), std::string(300, 'b'));
  EXPECT_EQ(take_entry(rest), std::nullopt);
}

TEST(BatchTest, WhatIsCompressedIsReadAsItWas) {
  const std::uint64_t seed = base::SystemRandom().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  base::SeededRandom random(seed);
  for (const std::string_view secret : {"", "cluster secret"}) {
    EnvelopeCodec codec(secret);
    Deflater deflater;
    for (int i = 0; i < 200; ++i) {
      std::vector<std::string> envelopes;
      for (std::uint64_t n = 2 + random.below(20); n > 0; --n) {
        envelopes.push_back(event(1 + random.below(1000), std::string(random.below(3000), 'x')));
      }
      const BatchMessage batch = batch_of(envelopes);
      const BatchMessage small{"", deflater.deflate(batch.envelopes), batch.envelopes.size()};
      ASSERT_FALSE(small.deflated.empty());
      const auto read = codec.decode(codec.encode({kFrom, 1, small}));
      ASSERT_TRUE(read.ok()) << read.error().detail;
      EXPECT_EQ(std::get<BatchMessage>(read.value().message), batch);
    }
  }
}

TEST(BatchTest, WhatWouldNotBeSmallerIsNotCompressed) {
  base::SeededRandom random(1);
  std::string noise;
  for (int i = 0; i < 1000; ++i) noise.push_back(static_cast<char>(random.below(256)));
  EXPECT_EQ(Deflater().deflate(noise), "");
  EXPECT_EQ(Deflater().deflate(""), "");
  EXPECT_EQ(Deflater().deflate("x"), "");
}

// A few bytes that promise 16 MiB cost nothing: deflate cannot hold so much in them.
TEST(BatchTest, ABombIsRefusedBeforeItIsInflated) {
  BatchMessage bomb = compressed(batch_of({std::string(100'000, 'x')}));
  bomb.size = kEnvelopeBytesMax;
  expect_refused(bomb, EnvelopeErrc::kField, "compressed bytes cannot hold so much");
  bomb.size = kEnvelopeBytesMax + 1;
  bomb.deflated.resize(100'000, 'x');
  expect_refused(bomb, EnvelopeErrc::kField, "compressed bytes cannot hold so much");
}

TEST(BatchTest, AnotherSizeThanTheOneThatComesOutIsRefused) {
  const BatchMessage good = compressed(batch_of({std::string(1000, 'x'), std::string(500, 'y')}));
  for (const std::uint64_t size : {good.size - 1, good.size + 1}) {
    BatchMessage wrong = good;
    wrong.size = size;
    expect_refused(wrong, EnvelopeErrc::kField, "does not inflate to");
  }
  BatchMessage longer = good;
  longer.deflated += "x";
  expect_refused(longer, EnvelopeErrc::kField, "does not inflate to");
  BatchMessage cut = good;
  cut.deflated.pop_back();
  expect_refused(cut, EnvelopeErrc::kField, "does not inflate to");
}

TEST(BatchTest, EveryFlippedBitIsReadOrRefused) {
  EnvelopeCodec codec("");
  EnvelopeCodec signing("cluster secret");
  const BatchMessage batch = compressed(batch_of({event(1), event(2), event(3)}));
  ASSERT_FALSE(batch.deflated.empty());
  const std::string bytes = codec.encode({kFrom, 1, batch});
  const std::string signed_bytes = signing.encode({kFrom, 1, batch});
  for (std::size_t bit = 0; bit < signed_bytes.size() * 8; ++bit) {
    std::string damaged = signed_bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(signing.decode(damaged).ok()) << bit;
    if (bit >= bytes.size() * 8) continue;
    damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    if (const auto read = codec.decode(damaged); !read) {
      EXPECT_FALSE(read.error().detail.empty());
    }
  }
}

TEST(BatchTest, WhatHoldsNoEnvelopesIsRefused) {
  expect_refused({}, EnvelopeErrc::kField, "it holds no envelope");
  expect_refused({"", "", 5}, EnvelopeErrc::kField, "nothing is compressed");
  expect_refused({"\x05x", "", 0}, EnvelopeErrc::kField, "ends inside an entry");
  BatchMessage both = compressed(batch_of({std::string(1000, 'x')}));
  both.envelopes = batch_of({"x"}).envelopes;
  expect_refused(both, EnvelopeErrc::kField, "it holds envelopes twice");
  expect_refused({std::string(kEnvelopeListMax + 1, '\0'), "", 0}, EnvelopeErrc::kField,
                 "it holds more than 65536 envelopes");
}

TEST(BatchTest, ABatchInABatchIsRefused) {
  const std::string inner = EnvelopeCodec("").encode({kFrom, 1, batch_of({event(1)})});
  expect_refused(batch_of({event(2), inner}), EnvelopeErrc::kField, "it holds another batch");
  expect_refused(compressed(batch_of({std::string(1000, 'x'), inner})), EnvelopeErrc::kField,
                 "it holds another batch");
}

TEST(BatchTest, ALaterFormatIsReadWithoutWhatItAdded) {
  EnvelopeCodec codec("");
  const BatchMessage batch = batch_of({event(1), event(2)});
  std::string bytes = codec.encode({kFrom, 1, batch});
  bytes[2] = 9;                                  // format
  bytes[4] = static_cast<char>(0x80);            // a flag
  bytes += std::string("\x1e\x03new\x04\x01z");  // fields 30 and 4
  const auto read = codec.decode(bytes);
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(std::get<BatchMessage>(read.value().message), batch);
}

}  // namespace
}  // namespace mr::cluster
