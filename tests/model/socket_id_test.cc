#include "model/socket_id.h"

#include <gtest/gtest.h>

namespace mr::model {
namespace {

TEST(SocketIdTest, GoesThroughText) {
  const SocketId id{1234567890, 987654321};
  EXPECT_EQ(id.to_string(), "1234567890.987654321");
  EXPECT_EQ(SocketId::parse(id.to_string()), id);
}

TEST(SocketIdTest, RefusesWhatIsNone) {
  for (const char* text : {"", ".", "1", "1.", ".1", "1.2.3", "1.x", "-1.2", " 1.2", "1.2 ",
                           "10000000000.1", "99999999999999999999999.1"}) {
    EXPECT_EQ(SocketId::parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mr::model
