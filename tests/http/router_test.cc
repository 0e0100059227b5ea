#include "http/router.h"

#include <gtest/gtest.h>

#include <string>

#include "http/query.h"

namespace mr::http {
namespace {

Router<std::string> make_router() {
  Router<std::string> router;
  router.add(Method::kGet, "/", "root");
  router.add(Method::kGet, "/apps/{app}/channels", "channels");
  router.add(Method::kGet, "/apps/{app}/channels/{channel}", "channel");
  router.add(Method::kGet, "/apps/{app}/channels/all", "literal");
  router.add(Method::kPost, "/apps/{app}/events", "events");
  return router;
}

TEST(Router, FindsRoutesWithParameters) {
  const auto router = make_router();
  const auto match = router.match(Method::kGet, "/apps/7/channels/private-a%2Fb%20c");
  ASSERT_EQ(match.status, RouteStatus::kFound);
  EXPECT_EQ(*match.target, "channel");
  ASSERT_EQ(match.params.size(), 2u);
  EXPECT_EQ(match.params[0], (std::pair<std::string, std::string>("app", "7")));
  EXPECT_EQ(match.params[1].second, "private-a/b c");
}

TEST(Router, LiteralSegmentsWin) {
  const auto router = make_router();
  EXPECT_EQ(*router.match(Method::kGet, "/apps/1/channels/all").target, "literal");
}

TEST(Router, OneTrailingSlashIsIgnored) {
  const auto router = make_router();
  EXPECT_EQ(*router.match(Method::kGet, "/").target, "root");
  EXPECT_EQ(*router.match(Method::kGet, "/apps/1/channels/").target, "channels");
  EXPECT_EQ(router.match(Method::kGet, "/apps/1/channels//").status, RouteStatus::kNotFound);
  EXPECT_EQ(router.match(Method::kGet, "/apps//channels").status, RouteStatus::kNotFound);
}

TEST(Router, UnknownPathsMethodsAndEscapes) {
  const auto router = make_router();
  EXPECT_EQ(router.match(Method::kGet, "/nothing").status, RouteStatus::kNotFound);
  const auto wrong = router.match(Method::kDelete, "/apps/1/channels");
  EXPECT_EQ(wrong.status, RouteStatus::kMethodNotAllowed);
  EXPECT_EQ(wrong.allow, "GET, HEAD");
  EXPECT_EQ(wrong.target, nullptr);
  EXPECT_EQ(*router.match(Method::kHead, "/apps/1/channels").target, "channels");
  EXPECT_EQ(router.match(Method::kGet, "/apps/%zz/channels").status, RouteStatus::kBadPath);
}

TEST(Query, DecodesInOrder) {
  const auto params = parse_query("b=1&a=x%20y+z&a=2&empty=&flag&&%C3%A9=%E2%82%AC");
  ASSERT_TRUE(params.has_value());
  ASSERT_EQ(params->size(), 6u);
  EXPECT_EQ((*params)[0], (std::pair<std::string, std::string>("b", "1")));
  EXPECT_EQ((*params)[1].second, "x y z");
  EXPECT_EQ((*params)[4].first, "flag");
  EXPECT_EQ((*params)[5].second, "\xE2\x82\xAC");
  EXPECT_EQ(*find_param(*params, "a"), "x y z");
  EXPECT_EQ(find_param(*params, "none"), nullptr);
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(Query, BrokenEscapesAndTooManyPairs) {
  EXPECT_FALSE(parse_query("a=%").has_value());
  EXPECT_FALSE(parse_query("a=%4").has_value());
  EXPECT_FALSE(parse_query("%gg=1").has_value());
  std::string many;
  for (std::size_t i = 0; i < kParamsMax; ++i) many += "a=1&";
  EXPECT_TRUE(parse_query(many).has_value());
  EXPECT_FALSE(parse_query(many + "a=1").has_value());
}

TEST(Query, EncodeIsTheInverse) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a b/~"), "a%20b%2F~");
}

}  // namespace
}  // namespace mr::http
