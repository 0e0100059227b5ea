#include "model/delta_algorithm.h"

#include <gtest/gtest.h>

namespace mr::model {
namespace {

TEST(DeltaAlgorithmTest, NamesInAnyLetterCase) {
  for (const char* name : {"fossil", "Fossil", "FOSSIL"}) {
    EXPECT_EQ(parse_delta_algorithm(name), DeltaAlgorithm::kFossil) << name;
  }
  for (const char* name : {"xdelta3", "Xdelta3", "vcdiff", "VCDIFF"}) {
    EXPECT_EQ(parse_delta_algorithm(name), DeltaAlgorithm::kVcdiff) << name;
  }
  for (const char* name : {"", "fossi", "fossils", "xdelta", "foss\xc3\xadl"}) {
    EXPECT_EQ(parse_delta_algorithm(name), std::nullopt) << name;
  }
  EXPECT_EQ(wire_name(DeltaAlgorithm::kFossil), "fossil");
  EXPECT_EQ(wire_name(DeltaAlgorithm::kVcdiff), "xdelta3");
}

TEST(DeltaOfferTest, KeepsTheClientsOrder) {
  DeltaOffer offer;
  EXPECT_EQ(offer.preferred(), std::nullopt);
  EXPECT_FALSE(offer.has(DeltaAlgorithm::kFossil)) << "an empty offer has nothing";
  offer.add(DeltaAlgorithm::kVcdiff);
  EXPECT_FALSE(offer.has(DeltaAlgorithm::kFossil));
  offer.add(DeltaAlgorithm::kFossil);
  offer.add(DeltaAlgorithm::kVcdiff);
  offer.add(DeltaAlgorithm::kFossil);
  EXPECT_EQ(offer.preferred(), DeltaAlgorithm::kVcdiff);
  EXPECT_TRUE(offer.has(DeltaAlgorithm::kFossil));
}

}  // namespace
}  // namespace mr::model
