#include "cluster/shares.h"

#include <gtest/gtest.h>

namespace mr::cluster {
namespace {

constexpr BootId kOther{2};

ShareUser user_of(const std::string& id, const std::string& info, bool is_here = true) {
  return {"app", "presence-room", id, "\"" + id + "\"", info, is_here};
}

ShareMessage whole(std::uint64_t number, std::vector<ShareUser> users) {
  ShareMessage message;
  message.number = number;
  message.parts = 1;
  message.users = std::move(users);
  return message;
}

TEST(SharesTest, AWholeShareTellsWhoHasOtherDataThanBefore) {
  Shares shares;
  std::vector<ForeignChange> changes;
  EXPECT_TRUE(shares.hear(kOther, whole(1, {user_of("u", "1"), user_of("v", "1")}), {}, changes));
  changes.clear();
  EXPECT_TRUE(shares.hear(kOther, whole(5, {user_of("u", "2"), user_of("v", "1")}), {}, changes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].users,
            (std::vector<ShareUser>{user_of("u", "1", false), user_of("u", "2")}));
}

TEST(SharesTest, WhoGoesIsToldOnceAndWhoStaysIsNot) {
  Shares shares;
  std::vector<ForeignChange> changes;
  shares.begin(kOther);
  ShareMessage news;
  news.number = 1;
  news.users = {user_of("u", "1"), user_of("u", "1"), user_of("u", "1", false),
                user_of("u", "1", false)};
  EXPECT_TRUE(shares.hear(kOther, news, {}, changes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].users,
            (std::vector<ShareUser>{user_of("u", "1"), user_of("u", "1", false)}));
}

}  // namespace
}  // namespace mr::cluster
