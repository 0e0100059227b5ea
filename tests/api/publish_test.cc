#include "api/publish.h"

#include <gtest/gtest.h>

#include "json/writer.h"

namespace mr::api {
namespace {

class PublishTest : public testing::Test {
 protected:
  PublishTest() {
    app_.id = "1";
    app_.max_event_channels_at_once = 3;
    app_.max_event_batch_size = 2;
    app_.max_event_payload_in_kb = 1;
  }
  Publication event(std::string_view body) {
    auto read = read_event(parser_, body, app_);
    EXPECT_TRUE(read.ok()) << body << (read.ok() ? "" : read.error().detail);
    return read.ok() ? std::move(read).value() : Publication{};
  }
  Errc fail(std::string_view body) {
    const auto read = read_event(parser_, body, app_);
    EXPECT_FALSE(read.ok()) << body;
    if (read.ok()) return Errc::kCount;
    EXPECT_NE(read.error().detail.find("; "), std::string::npos) << read.error().detail;
    return read.error().code;
  }
  Errc fail_batch(std::string_view body) {
    const auto read = read_batch(parser_, body, app_);
    EXPECT_FALSE(read.ok()) << body;
    return read.ok() ? Errc::kCount : read.error().code;
  }

  json::Parser parser_{1 << 16};
  model::AppOptions app_;
};

TEST_F(PublishTest, AStringKeepsItsBytesOnTheWire) {
  const auto p = event(R"({"name":"e","channel":"c","data":"{\"a\":\u0031,\"b\":1.0}"})");
  ASSERT_EQ(p.events.size(), 1U);
  EXPECT_EQ(p.events[0].event, "e");
  EXPECT_EQ(p.events[0].channel.text(), "c");
  EXPECT_EQ(p.events[0].data, R"("{\"a\":\u0031,\"b\":1.0}")");
  EXPECT_FALSE(p.events[0].except.has_value());
  EXPECT_FALSE(p.wants_counts());
  EXPECT_EQ(write_answer(p, {.counts = {{"c", 3, 0}}}), "{}");
}

TEST_F(PublishTest, OtherJsonIsPutInAString) {
  EXPECT_EQ(event(R"({"name":"e","channel":"c","data":{ "p" : 1.10 }})").events[0].data,
            R"("{ \"p\" : 1.10 }")");
  EXPECT_EQ(event(R"({"name":"e","channel":"c","data":12345678901234567890123})").events[0].data,
            R"("12345678901234567890123")");
  EXPECT_EQ(event(R"({"name":"e","channel":"c","data":null})").events[0].data, R"("null")");
}

TEST_F(PublishTest, ChannelsInOrderEachOnce) {
  const auto p =
      event(R"({"name":"e","data":"","channels":["b","private-a","b"],"socket_id":"12.34"})");
  ASSERT_EQ(p.events.size(), 2U);
  EXPECT_EQ(p.event_count, 1U);
  EXPECT_EQ(p.events[0].channel.text(), "b");
  EXPECT_EQ(p.events[1].channel.text(), "private-a");
  EXPECT_EQ(p.events[1].except, (model::SocketId{12, 34}));
}

TEST_F(PublishTest, TagsAreTextsSortedByName) {
  const auto p = event(R"({"name":"e","channels":["c","d"],"data":"",)"
                       R"("tags":{"symbol":"AAPL","price":"101.5","\u0061":""}})");
  ASSERT_EQ(p.events.size(), 2U) << "one for each channel";
  EXPECT_EQ(p.events[0].tags, (model::Tags{{"a", ""}, {"price", "101.5"}, {"symbol", "AAPL"}}));
  EXPECT_EQ(p.events[1].tags, p.events[0].tags);
  EXPECT_TRUE(event(R"({"name":"e","channel":"c","data":"","tags":null})").events[0].tags.empty());
  EXPECT_TRUE(event(R"({"name":"e","channel":"c","data":"","tags":{}})").events[0].tags.empty());
}

TEST_F(PublishTest, DeltaIsAnOrder) {
  const auto delta = [this](const std::string& member) {
    return event(R"({"name":"e","channel":"c","data":"")" + member + "}").events.at(0).delta;
  };
  EXPECT_EQ(delta(R"(,"delta":false)"), false);
  EXPECT_EQ(delta(R"(,"delta":true)"), true);
  EXPECT_EQ(delta(R"(,"delta":null)"), std::nullopt);
  EXPECT_EQ(delta(""), std::nullopt);
}

TEST_F(PublishTest, EachEventOfABatchHasItsOwnMarks) {
  const auto read =
      read_batch(parser_,
                 R"({"batch":[{"name":"e","channel":"c","data":"","tags":{"s":"a"},"delta":false},)"
                 R"({"name":"e","channel":"c","data":""}]})",
                 app_);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read.value().events.size(), 2U);
  EXPECT_EQ(read.value().events[0].tags, (model::Tags{{"s", "a"}}));
  EXPECT_EQ(read.value().events[0].delta, false);
  EXPECT_TRUE(read.value().events[1].tags.empty());
  EXPECT_EQ(read.value().events[1].delta, std::nullopt);
}

TEST_F(PublishTest, WrongTagsAndDeltasAreRefusedWithTheirValue) {
  const auto detail = [this](const std::string& member) {
    const auto read =
        read_event(parser_, R"({"name":"e","channel":"c","data":"",)" + member + "}", app_);
    EXPECT_FALSE(read.ok()) << member;
    return read.ok() ? "" : std::string(read.error().detail);
  };
  EXPECT_EQ(detail(R"("tags":["AAPL"])"),
            R"(tags is "["AAPL"]"; send "tags":{"symbol":"AAPL"} or leave it out)");
  EXPECT_EQ(detail(R"("tags":{"price":101.5})"),
            R"(the tag "price" is "101.5", not a text; put the value in quotes)");
  EXPECT_EQ(detail(R"("delta":"no")"),
            R"(delta is ""no""; send false for a full message, true for a delta, or leave it out)");
  EXPECT_NE(detail(R"("tags":{"":"a"})").find("a tag has no name; "), std::string::npos);
}

TEST_F(PublishTest, TagsHaveLimits) {
  const auto tagged = [](const std::string& tags) {
    return R"({"name":"e","channel":"c","data":"","tags":{)" + tags + "}}";
  };
  const auto many = [](std::size_t count) {
    std::string tags;
    for (std::size_t i = 0; i < count; ++i) {
      tags += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\":\"\"";
    }
    return tags;
  };
  const auto sized = [](std::size_t name, std::size_t value) {
    return "\"" + std::string(name, 'n') + "\":\"" + std::string(value, 'v') + "\"";
  };
  EXPECT_EQ(event(tagged(many(model::kTagsMax))).events[0].tags.size(), model::kTagsMax);
  EXPECT_EQ(fail(tagged(many(model::kTagsMax + 1))), Errc::kLimitExceeded);
  event(tagged(sized(model::kTagNameBytesMax, model::kTagValueBytesMax)));
  EXPECT_EQ(fail(tagged(sized(model::kTagNameBytesMax + 1, 1))), Errc::kLimitExceeded);
  EXPECT_EQ(fail(tagged(sized(1, model::kTagValueBytesMax + 1))), Errc::kLimitExceeded);
}

TEST_F(PublishTest, ChannelKinds) {
  for (const char* name : {"presence-x", "private-encrypted-x", "cache-x", "ticker:AAPL",
                           "#server-to-user-u 1", "private-cache-x"}) {
    const auto p = event(R"({"name":"pusher:any","data":"","channel":)" + json::quote(name) + "}");
    ASSERT_EQ(p.events.size(), 1U) << name;
    EXPECT_EQ(p.events[0].channel.text(), name);
  }
}

TEST_F(PublishTest, MembersThatAreMissingOrWrong) {
  for (const char* body : {"",
                           "[]",
                           "\"x\"",
                           "{",
                           "{}",
                           R"({"channel":"c","data":""})",
                           R"({"name":"","channel":"c","data":""})",
                           R"({"name":7,"channel":"c","data":""})",
                           R"({"name":"e","channel":"c"})",
                           R"({"name":"e","data":""})",
                           R"({"name":"e","data":"","channel":""})",
                           R"({"name":"e","data":"","channel":["c"]})",
                           R"({"name":"e","data":"","channel":"a b"})",
                           R"({"name":"e","data":"","channel":"#x"})",
                           R"({"name":"e","data":"","channels":"c"})",
                           R"({"name":"e","data":"","channels":[]})",
                           R"({"name":"e","data":"","channels":[1]})",
                           R"({"name":"e","data":"","channel":"c","socket_id":"x"})",
                           R"({"name":"e","data":"","channel":"c","socket_id":1.2})",
                           R"({"name":"e","data":"","channel":"c","info":7})",
                           R"({"name":"e","data":"","channel":"c","info":"color"})",
                           R"({"name":"e","data":"","channel":"c","idempotency_key":7})",
                           R"({"name":"e","data":"","channel":"c","idempotency_key":""})"}) {
    EXPECT_EQ(fail(body), Errc::kInvalidInput) << body;
  }
  EXPECT_TRUE(
      event(R"({"name":"e","data":"","channel":"c","socket_id":"","info":null})").events[0].event ==
      "e");
}

TEST_F(PublishTest, LimitsAtTheEdge) {
  const auto with_name = [](std::size_t n) {
    return R"({"data":"","channel":"c","name":)" + json::quote(std::string(n, 'n')) + "}";
  };
  EXPECT_EQ(event(with_name(200)).events.size(), 1U);
  EXPECT_EQ(fail(with_name(201)), Errc::kLimitExceeded);
  const auto with_channel = [](std::size_t n) {
    return R"({"data":"","name":"e","channel":)" + json::quote(std::string(n, 'c')) + "}";
  };
  EXPECT_EQ(event(with_channel(200)).events.size(), 1U);
  EXPECT_EQ(fail(with_channel(201)), Errc::kInvalidInput);
  const auto with_data = [](std::size_t n) {
    return R"({"channel":"c","name":"e","data":)" + json::quote(std::string(n, '\n')) + "}";
  };
  EXPECT_EQ(event(with_data(1024)).events.size(), 1U);
  EXPECT_EQ(fail(with_data(1025)), Errc::kPayloadTooLarge);
  EXPECT_EQ(event(R"({"name":"e","data":"","channels":["a","b","c"]})").events.size(), 3U);
  EXPECT_EQ(fail(R"({"name":"e","data":"","channels":["a","b","c","d"]})"), Errc::kLimitExceeded);
  EXPECT_EQ(fail(std::string(1 << 17, ' ')), Errc::kPayloadTooLarge);
  EXPECT_EQ(fail(std::string(100, '[') + std::string(100, ']')), Errc::kInvalidInput);
}

TEST_F(PublishTest, AnswersNameWhatWasAskedFor) {
  const auto p = event(
      R"({"name":"e","data":"","channels":["presence-a","b"],"info":"user_count, subscription_count"})");
  EXPECT_TRUE(p.wants_counts());
  EXPECT_EQ(write_answer(p, {.counts = {{"presence-a", 3, 2}, {"b", 1, 0}}}),
            R"({"channels":{"presence-a":{"subscription_count":3,"user_count":2},)"
            R"("b":{"subscription_count":1}}})");
}

TEST_F(PublishTest, BatchesKeepTheirOrder) {
  const auto read = read_batch(
      parser_,
      R"({"batch":[{"name":"a","channel":"c","data":"1"},)"
      R"({"name":"b","channel":"c","data":"2","info":"subscription_count","socket_id":"1.2"}]})",
      app_);
  ASSERT_TRUE(read.ok());
  const Publication& p = read.value();
  ASSERT_EQ(p.events.size(), 2U);
  EXPECT_EQ(p.events[0].event, "a");
  EXPECT_EQ(p.events[1].data, R"("2")");
  EXPECT_EQ(p.events[1].except, (model::SocketId{1, 2}));
  EXPECT_EQ(write_answer(p, {.counts = {{"c", 3, 0}, {"c", 3, 0}}}),
            R"({"batch":[{},{"subscription_count":3}]})");
  EXPECT_EQ(p.idempotency_key, "");
}

TEST_F(PublishTest, BatchRefusals) {
  EXPECT_EQ(fail_batch("{}"), Errc::kInvalidInput);
  EXPECT_EQ(fail_batch(R"({"batch":{}})"), Errc::kInvalidInput);
  EXPECT_EQ(fail_batch(R"({"batch":[1]})"), Errc::kInvalidInput);
  EXPECT_EQ(fail_batch(R"({"batch":[{"name":"a","channels":["c"],"data":""}]})"),
            Errc::kInvalidInput);
  const std::string one = R"({"name":"a","channel":"c","data":""})";
  EXPECT_EQ(fail_batch("{\"batch\":[" + one + "," + one + "," + one + "]}"), Errc::kLimitExceeded);
  const auto second = read_batch(parser_, "{\"batch\":[" + one + ",{}]}", app_);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(second.error().detail.starts_with("event 1: ")) << second.error().detail;
  EXPECT_TRUE(read_batch(parser_, R"({"batch":[]})", app_).ok());
}

TEST_F(PublishTest, KeysOfABatch) {
  const auto key = [&](const std::string& body) {
    auto read = read_batch(parser_, body, app_);
    EXPECT_TRUE(read.ok());
    return read.ok() ? read.value().idempotency_key : "";
  };
  const std::string a = R"({"name":"a","channel":"c","data":"","idempotency_key":"k1"})";
  const std::string b = R"({"name":"a","channel":"c","data":"","idempotency_key":"k2"})";
  EXPECT_EQ(key("{\"batch\":[" + a + "," + b + "]}"), key("{\"batch\":[" + a + "," + b + "]}"));
  EXPECT_NE(key("{\"batch\":[" + a + "," + b + "]}"), key("{\"batch\":[" + b + "," + a + "]}"));
  EXPECT_EQ(key("{\"idempotency_key\":\"all\",\"batch\":[" + a + "]}"), "all");
  EXPECT_LE(key("{\"batch\":[" + a + "]}").size(), 128U);
}

}  // namespace
}  // namespace mr::api
