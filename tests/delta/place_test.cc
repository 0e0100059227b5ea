#include "delta/place.h"

#include <gtest/gtest.h>

#include <string>

namespace mr::delta {
namespace {

constexpr std::size_t kMin = 20;

Place place(const std::string& data, std::optional<bool> wish = {}, bool is_client = false,
            const std::string& event = "e") {
  const std::string text = "{\"event\":\"" + event + "\",\"channel\":\"c\",\"data\":" + data + "}";
  return place_of({event, data, text, is_client, wish}, kMin);
}

const std::string kLong = R"("{\"symbol\":\"AAPL\",\"bid\":1.25}")";

TEST(PlaceTest, AMessageOfSizeIsInside) {
  EXPECT_EQ(place(kLong), Place::kInside);
  EXPECT_EQ(place(R"({"symbol":"AAPL","bid":1})"), Place::kInside);
}

TEST(PlaceTest, SmallDataIsOutsideUnlessADeltaIsAskedFor) {
  EXPECT_EQ(place("\"" + std::string(19, 'x') + "\""), Place::kOutside);
  EXPECT_EQ(place("\"" + std::string(20, 'x') + "\""), Place::kInside);
  EXPECT_EQ(place("\"x\"", true), Place::kInside);
  EXPECT_EQ(place("\"x\"", false), Place::kOutside);
}

TEST(PlaceTest, SizeIsThatOfTheValue) {
  std::string escaped;
  for (int i = 0; i < 19; ++i) escaped += R"(\u00e9)";
  EXPECT_EQ(place("\"" + escaped + "\""), Place::kOutside);
  EXPECT_EQ(place("\"" + escaped + "\\n\""), Place::kInside);
}

TEST(PlaceTest, WhatJavaScriptTakesForFalseIsOutside) {
  for (const char* data : {"", "\"\"", "0", "-0", "0.000", "0e10", "-0.0E-5", "false", "null"}) {
    EXPECT_EQ(place(data, true), Place::kOutside) << data;
  }
  for (const char* data : {"\"0\"", "0.001", "-1", "1e-9", "true", "[]", "{}"}) {
    EXPECT_EQ(place(data, true), Place::kInside) << data;
  }
}

TEST(PlaceTest, ReservedEventsAndClientEventsAreOutside) {
  for (const char* event : {"pusher:x", "pusher_internal:x", "sockudo:x", "sockudo_internal:"}) {
    EXPECT_EQ(place(kLong, true, false, event), Place::kOutside) << event;
  }
  EXPECT_EQ(place(kLong, {}, false, "pusher"), Place::kInside);
  EXPECT_EQ(place(kLong, true, true, "client-x"), Place::kOutside);
}

TEST(PlaceTest, ADecodersMemberIsNeverABase) {
  EXPECT_EQ(place(R"({"__delta_seq":3})"), Place::kNeverBase);
  EXPECT_EQ(place(R"("a __conflation_key b")"), Place::kNeverBase);
  EXPECT_EQ(place(R"("__delta_seq")", {}, true), Place::kNeverBase) << "a client event too";
  EXPECT_EQ(place(kLong, {}, false, "x__delta_seq"), Place::kNeverBase) << "in the envelope";
  EXPECT_EQ(place("\"\"", {}, false, "__delta_seq"), Place::kOutside);
  EXPECT_EQ(place(R"({"__delta_se":3,"_conflation_key":1})"), Place::kInside);
}

TEST(PlaceTest, EscapesAreResolvedInTheEnvelopeAndInTheData) {
  EXPECT_EQ(place(R"({"\u005f_delta_seq":3,"pad":"xxxxxx"})"), Place::kNeverBase);
  EXPECT_EQ(place(R"("{\"__delta\\u005fseq\":3,\"pad\":1}")"), Place::kNeverBase);
  EXPECT_EQ(place(R"("{\"__delta\\\u0075005fseq\":3,\"pad\":1}")"), Place::kNeverBase);
  EXPECT_EQ(place(R"("{\"__delta\u005cu005Fseq\":3,\"pad\":1}")"), Place::kNeverBase);
  EXPECT_EQ(place(R"("{\"__delta\\\\u005fseq\":3,\"pad\":1}")"), Place::kInside)
      << "an escaped backslash";
  EXPECT_EQ(place(R"("{\"__delta\\u00e9seq\":3,\"pad\":1}")"), Place::kInside);
  EXPECT_EQ(place(R"("__delta_seq cut \u00")", true), Place::kNeverBase);
  EXPECT_EQ(place(R"("long enough, and cut: \u00")"), Place::kInside);
}

}  // namespace
}  // namespace mr::delta
