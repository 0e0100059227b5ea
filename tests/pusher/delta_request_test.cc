#include "pusher/delta_request.h"

#include <gtest/gtest.h>

#include "json/parser.h"

namespace mr::pusher {
namespace {

using model::CacheSync;
using model::DeltaSwitch;
using model::DeltaWish;

constexpr auto kFossil = model::DeltaAlgorithm::kFossil;
constexpr auto kVcdiff = model::DeltaAlgorithm::kVcdiff;

class DeltaRequestTest : public testing::Test {
 protected:
  std::optional<DeltaWish> wish(std::string_view text) {
    return read_delta_wish(parser_.parse(text).value());
  }
  std::optional<DeltaSwitch> asked(std::string_view text) {
    return read_delta_switch(parser_.parse(text).value());
  }
  json::Parser parser_{4096};
};

TEST_F(DeltaRequestTest, NamesOfAlgorithmsSwitchOn) {
  EXPECT_EQ(wish(R"("fossil")"), DeltaWish{.algorithm = kFossil});
  EXPECT_EQ(wish(R"("Fossil")"), DeltaWish{.algorithm = kFossil});
  EXPECT_EQ(wish(R"("xdelta3")"), DeltaWish{.algorithm = kVcdiff});
  EXPECT_EQ(wish(R"("vcdiff")"), DeltaWish{.algorithm = kVcdiff});
}

TEST_F(DeltaRequestTest, ThreeNamesSwitchOffAnyOtherSwitchesOn) {
  for (const char* off : {R"("disabled")", R"("false")", R"("none")"}) {
    EXPECT_EQ(wish(off), DeltaWish{.enabled = false}) << off;
  }
  for (const char* on : {R"("true")", R"("brotli")", R"("")", R"("Disabled ")"}) {
    EXPECT_EQ(wish(on), DeltaWish{}) << on;
  }
}

TEST_F(DeltaRequestTest, Booleans) {
  EXPECT_EQ(wish("true"), DeltaWish{});
  EXPECT_EQ(wish("false"), DeltaWish{.enabled = false});
}

TEST_F(DeltaRequestTest, ObjectsWithEachMemberOptional) {
  EXPECT_EQ(wish("{}"), DeltaWish{});
  EXPECT_EQ(wish(R"({"enabled":true,"algorithm":"fossil"})"), DeltaWish{.algorithm = kFossil});
  EXPECT_EQ(wish(R"({"algorithm":"vcdiff"})"), DeltaWish{.algorithm = kVcdiff});
  EXPECT_EQ(wish(R"({"enabled":false})"), DeltaWish{.enabled = false});
  EXPECT_EQ(wish(R"({"enabled":false,"algorithm":"fossil"})"),
            (DeltaWish{.enabled = false, .algorithm = kFossil}));
  EXPECT_EQ(wish(R"({"algorithm":"none"})"), DeltaWish{.enabled = false});
  EXPECT_EQ(wish(R"({"algorithm":"none","enabled":true})"), DeltaWish{});
  EXPECT_EQ(wish(R"({"enabled":null,"algorithm":null,"crc":null,"cache_sync":null,"more":7})"),
            DeltaWish{});
  EXPECT_EQ(wish(R"({"crc":true,"cache_sync":"bases"})"),
            (DeltaWish{.crc = true, .cache_sync = CacheSync::kBases}));
  EXPECT_EQ(wish(R"({"crc":false,"cache_sync":"empty"})"),
            (DeltaWish{.crc = false, .cache_sync = CacheSync::kEmpty}));
  EXPECT_EQ(wish(R"({"cache_sync":"all"})"), DeltaWish{}) << "an unknown name says nothing";
}

TEST_F(DeltaRequestTest, WrongTypesAreRefused) {
  for (const char* odd : {"7", "null", "[]", R"({"enabled":1})", R"({"algorithm":true})",
                          R"({"crc":"yes"})", R"({"cache_sync":true})"}) {
    EXPECT_EQ(wish(odd), std::nullopt) << odd;
  }
  for (const char* odd : {"7", R"("fossil")", R"({"algorithms":"fossil"})", R"({"enabled":"no"})",
                          R"({"crc":0})", R"({"cache_sync":{}})"}) {
    EXPECT_EQ(asked(odd), std::nullopt) << odd;
  }
}

TEST_F(DeltaRequestTest, TheSwitchOfAConnection) {
  EXPECT_EQ(asked("{}"), DeltaSwitch{}) << "no list: the server's choice";
  EXPECT_EQ(asked(R"({"algorithms":null})"), DeltaSwitch{});
  EXPECT_EQ(asked(R"({"enabled":false})"), DeltaSwitch{.enabled = false});
  const auto all = asked(R"({"algorithms":["fossil"],"crc":true,"cache_sync":"bases"})");
  ASSERT_TRUE(all && all->offer);
  EXPECT_TRUE(all->crc);
  EXPECT_EQ(all->cache_sync, CacheSync::kBases);
  EXPECT_EQ(all->offer->preferred(), kFossil);
  EXPECT_FALSE(all->offer->has(kVcdiff));
}

TEST_F(DeltaRequestTest, TheListKeepsItsOrderAndUnknownNamesAreSkipped) {
  const auto first = [this](std::string_view list) {
    const auto read = asked(R"({"algorithms":)" + std::string(list) + "}");
    EXPECT_TRUE(read && read->offer) << list;
    return read && read->offer ? read->offer->preferred() : std::nullopt;
  };
  EXPECT_EQ(first(R"(["fossil","xdelta3"])"), kFossil);
  EXPECT_EQ(first(R"(["xdelta3","fossil"])"), kVcdiff);
  EXPECT_EQ(first(R"(["brotli",7,null,"vcdiff"])"), kVcdiff);
  EXPECT_EQ(first(R"(["brotli"])"), std::nullopt) << "an offer of nothing that is known";
  EXPECT_EQ(first("[]"), std::nullopt);
}

TEST_F(DeltaRequestTest, TheAnswer) {
  EXPECT_EQ(delta_compression_enabled(kFossil, false),
            R"({"event":"pusher:delta_compression_enabled",)"
            R"("data":{"enabled":true,"algorithm":"fossil"}})");
  EXPECT_EQ(delta_compression_enabled(kVcdiff, true),
            R"({"event":"sockudo:delta_compression_enabled",)"
            R"("data":{"enabled":true,"algorithm":"xdelta3"}})");
  EXPECT_EQ(delta_compression_enabled(std::nullopt, false),
            R"({"event":"pusher:delta_compression_enabled","data":{"enabled":false}})");
}

}  // namespace
}  // namespace mr::pusher
