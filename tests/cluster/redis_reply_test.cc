#include <gtest/gtest.h>

#include "cluster/redis/channel_names.h"
#include "cluster/redis/error_text.h"
#include "cluster/redis/reply.h"

namespace mr::cluster::redis {
namespace {

using Kind = Reply::Kind;

TEST(RedisReplyTest, EveryKindIsRead) {
  ReplyReader reader;
  reader.feed("+OK\r\n-ERR no\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n");
  const std::vector<Kind> expected{Kind::kStatus, Kind::kError, Kind::kInteger, Kind::kText,
                                   Kind::kNil,    Kind::kNil,   Kind::kArray};
  std::vector<Reply> got;
  while (auto reply = reader.next()) got.push_back(*std::move(reply));
  ASSERT_EQ(got.size(), expected.size()) << reader.failure();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].kind, expected[i]) << i;
  EXPECT_EQ(got[0].text, "OK");
  EXPECT_EQ(got[1].text, "ERR no");
  EXPECT_EQ(got[2].integer, -42);
  EXPECT_EQ(got[3].text, "a\r\n");
}

TEST(RedisReplyTest, NestedArraysComeWholeAlsoByteByByte) {
  ReplyReader reader;
  const std::string_view bytes = "*3\r\n*2\r\n:1\r\n$1\r\nb\r\n*0\r\n*1\r\n*1\r\n+deep\r\n";
  std::optional<Reply> reply;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_FALSE(reply.has_value());
    reader.feed(bytes.substr(i, 1));
    reply = reader.next();
  }
  ASSERT_TRUE(reply.has_value()) << reader.failure();
  ASSERT_EQ(reply->elements.size(), 3U);
  EXPECT_EQ(reply->elements[0].elements[0].integer, 1);
  EXPECT_EQ(reply->elements[0].elements[1].text, "b");
  EXPECT_TRUE(reply->elements[1].elements.empty());
  EXPECT_EQ(reply->elements[2].elements[0].elements[0].text, "deep");
}

TEST(RedisReplyTest, WhatIsNoReplyFailsAndStaysFailed) {
  ReplyReader reader;
  reader.feed("+OK\r\nHTTP/1.1 400 Bad Request\r\n");
  EXPECT_TRUE(reader.next().has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_NE(reader.failure(), "");
  reader.feed("+OK\r\n");
  EXPECT_FALSE(reader.next().has_value());
}

TEST(RedisReplyTest, AReplyAboveTheLimitFailsBeforeItIsWhole) {
  ReplyReader text(1000);
  text.feed("$500000000\r\n" + std::string(1001, 'x'));
  EXPECT_FALSE(text.next().has_value());
  EXPECT_NE(text.failure().find("1000 bytes"), std::string::npos) << text.failure();

  ReplyReader array(1000);
  std::string elements = "*1000000\r\n";
  for (int i = 0; i < 100; ++i) elements += ":1\r\n";
  array.feed(elements);
  EXPECT_FALSE(array.next().has_value());
  EXPECT_NE(array.failure(), "");

  ReplyReader many(1000);
  for (int i = 0; i < 100; ++i) {
    many.feed("$500\r\n" + std::string(500, 'x') + "\r\n");
    EXPECT_TRUE(many.next().has_value()) << many.failure();
  }
}

TEST(RedisReplyTest, AnUnfinishedReplyIsFreed) {
  ReplyReader reader;
  reader.feed("*3\r\n$3\r\nabc\r\n*1\r\n");
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_EQ(reader.failure(), "");
}

TEST(RedisNamesTest, NamesAndSubjectsAreEachOthersInverse) {
  RedisOptions options;
  options.prefix = "my-cluster";
  options.db = 4;
  const ChannelNames names(options);
  EXPECT_EQ(names.name_of(partition_subject(17)), "my-cluster:4:bus:17");
  EXPECT_EQ(names.name_of(Subject::kControl), "my-cluster:4:bus:control");
  for (const Subject subject : {partition_subject(0), partition_subject(8191), Subject::kControl}) {
    EXPECT_EQ(names.subject_of(names.name_of(subject)), subject);
  }
  for (const std::string_view name :
       {"", "my-cluster:4:bus:", "my-cluster:5:bus:1", "my-cluster:4:bus:1x", "my-cluster:4:bus:-1",
        "my-cluster:4:bus:4294967295", "my-cluster:4:bus:4294967296",
        "my-cluster:4:bus:controls"}) {
    EXPECT_FALSE(names.subject_of(name).has_value()) << name;
  }
}

TEST(RedisNamesTest, APrefixThatCannotBeUsedIsTold) {
  for (const std::string_view good : {"millrace", "a", "{tag}", "eu-1:prod/x"}) {
    EXPECT_FALSE(prefix_problem(good).has_value()) << good;
  }
  const std::string long_one(129, 'x');
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("a b"), std::string_view("a\n"),
        std::string_view("a\0b", 3), std::string_view("a*"), std::string_view("\xc3\xa4"),
        std::string_view(long_one)}) {
    const auto problem = prefix_problem(bad);
    ASSERT_TRUE(problem.has_value()) << bad;
    EXPECT_NE(problem->find("prefix"), std::string::npos);
    EXPECT_EQ(problem->find('\n'), std::string::npos);
  }
}

TEST(RedisErrorTest, NeitherArgumentsNorThePasswordAreShown) {
  RedisOptions options;
  options.password = "hunter22";
  const std::string unknown =
      explain("x:1", "PUBLISH",
              "ERR unknown command 'PUBLISH', with args beginning with: 'a' 'payload'", options);
  EXPECT_EQ(unknown.find("payload"), std::string::npos) << unknown;
  const std::string echoed = explain("x:1", "AUTH", "ERR bad hunter22", options);
  EXPECT_EQ(echoed.find("hunter22"), std::string::npos) << echoed;
  EXPECT_NE(echoed.find("ERR"), std::string::npos) << echoed;
  const std::string steered =
      explain("x:1", "PING", "ERR \x1b[2J" + std::string(900, 'x'), options);
  EXPECT_EQ(steered.find('\x1b'), std::string::npos);
  EXPECT_LT(steered.size(), 400U);
}

TEST(RedisErrorTest, EachKnownErrorNamesItsRemedy) {
  const RedisOptions options;
  const std::vector<std::pair<std::string_view, std::string_view>> cases{
      {"NOAUTH Authentication required.", "set database.redis.password"},
      {"WRONGPASS invalid username-password pair", "database.redis.username"},
      {"LOADING Redis is loading the dataset in memory", "tried again"},
      {"READONLY You can't write against a read only replica.", "primary"},
      {"NOPERM this user has no permissions", "ACL SETUSER millrace on >PASSWORD"},
      {"ERR max number of clients reached", "maxclients"},
      {"OOM command not allowed when used memory > 'maxmemory'.", "raise maxmemory"},
      {"ERR something new", "log of that Redis"}};
  for (const auto& [error, remedy] : cases) {
    const std::string text = explain("Redis at 10.0.0.1:6379", "PING", error, options);
    EXPECT_TRUE(text.starts_with("Redis at 10.0.0.1:6379 answers PING with \"")) << text;
    EXPECT_NE(text.find(remedy), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace mr::cluster::redis
