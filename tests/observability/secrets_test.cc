#include <gtest/gtest.h>

#include "support/secret_grep.h"

namespace mr::test {
namespace {

TEST(SecretGrepTest, FindsEveryPlaceAndMasksIt) {
  const auto hits = grep_secrets("ok\nauth=app-secret x app-secret\nlast app-secret",
                                 {"app-secret", "other-secret"});
  ASSERT_EQ(hits.size(), 3U);
  EXPECT_EQ(hits[0].line, 2U);
  EXPECT_EQ(hits[0].context, "auth=*** x ***");
  EXPECT_EQ(hits[2].line, 3U);
  EXPECT_EQ(describe(hits).find("app-secret"), std::string::npos);
}

TEST(SecretGrepTest, CleanTextAndShortSecretsHaveNoHits) {
  EXPECT_EQ(describe(grep_secrets("nothing here\n", {"app-secret"})), "");
  EXPECT_TRUE(grep_secrets("a b c", {"a", ""}).empty());
  EXPECT_TRUE(grep_secrets("", {"app-secret"}).empty());
  EXPECT_TRUE(grep_secrets_in_file("no such file", {"app-secret"}).empty());
}

TEST(SecretGrepTest, FindsASecretAtTheVeryBegin) {
  const auto hits = grep_secrets("*secret\n", {"*secret"});
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].line, 1U);
  EXPECT_EQ(hits[0].context, "***");
}

TEST(SecretGrepTest, ASecretOfStarsIsMaskedToo) {
  EXPECT_EQ(grep_secrets("x ****** y", {"****"}).size(), 1U);
}

}  // namespace
}  // namespace mr::test
