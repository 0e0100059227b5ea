#include "pusher/rest_auth.h"

#include <gtest/gtest.h>

namespace mr::pusher {
namespace {

// The worked example of Pusher's HTTP API page.
constexpr std::string_view kBody =
    R"({"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"})";
constexpr std::string_view kSignature =
    "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
constexpr std::int64_t kThen = 1353088179;

base::WallTime at(std::int64_t seconds) { return base::WallTime(std::chrono::seconds(seconds)); }

class RestAuthTest : public testing::Test {
 protected:
  static model::AppOptions options() {
    model::AppOptions o;
    o.id = "3";
    o.key = "278d425bdf160c739803";
    o.secret = "7ad3773142a6692b25b8";
    return o;
  }
  static Parameters example() {
    return {{"auth_key", "278d425bdf160c739803"},
            {"auth_timestamp", "1353088179"},
            {"auth_version", "1.0"},
            {"body_md5", "ec365a775a4cd0599faeb73354201b6f"},
            {"auth_signature", std::string(kSignature)}};
  }
  base::Result<base::Done, AuthErrc> check(const Parameters& parameters,
                                           std::string_view body = kBody, std::int64_t now = kThen,
                                           std::string_view method = "POST") {
    return check_rest(*app_, hmac_, {method, "/apps/3/events", parameters, body}, at(now));
  }
  AuthErrc code(const Parameters& parameters, std::string_view body = kBody,
                std::int64_t now = kThen) {
    const auto result = check(parameters, body, now);
    EXPECT_FALSE(result.ok());
    if (result.ok()) return AuthErrc{};
    EXPECT_EQ(result.error().detail.find(app_->options.secret), std::string::npos);
    EXPECT_NE(result.error().detail.find("; "), std::string::npos) << "no remedy";
    return result.error().code;
  }
  // Signs what is given, without any default.
  Parameters signed_with(Parameters parameters, std::string_view body) {
    parameters.emplace_back(
        "auth_signature",
        hmac_.sign_hex(rest_string_to_sign({"POST", "/apps/3/events", parameters, body})));
    return parameters;
  }

  model::AppRef app_ = base::make_ref<const model::App>(options());
  crypto::HmacSha256 hmac_{app_->options.secret};
};

TEST_F(RestAuthTest, PusherExampleIsAccepted) {
  const Parameters parameters = example();
  EXPECT_EQ(rest_string_to_sign({"POST", "/apps/3/events", parameters, kBody}),
            "POST\n/apps/3/events\nauth_key=278d425bdf160c739803&auth_timestamp=1353088179&"
            "auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f");
  EXPECT_TRUE(check(parameters).ok());
}

TEST_F(RestAuthTest, NamesAreLowerCasedAndSorted) {
  const Parameters parameters = {{"b", "2"}, {"Info", "x,y"}, {"a", ""}, {"auth_signature", "z"}};
  EXPECT_EQ(rest_string_to_sign({"GET", "/p", parameters, ""}), "GET\n/p\na=&b=2&info=x,y");
  const Parameters none;
  EXPECT_EQ(rest_string_to_sign({"GET", "/p", none, ""}), "GET\n/p\n");
}

TEST_F(RestAuthTest, TimestampWindowIsTenMinutesAndTheSkewIsNamed) {
  EXPECT_TRUE(check(example(), kBody, kThen + 600).ok());
  EXPECT_TRUE(check(example(), kBody, kThen - 600).ok());
  EXPECT_EQ(code(example(), kBody, kThen + 601), AuthErrc::kTimestamp);
  EXPECT_NE(check(example(), kBody, kThen + 601).error().detail.find("601 s behind"),
            std::string::npos);
  EXPECT_NE(check(example(), kBody, kThen - 700).error().detail.find("700 s ahead of"),
            std::string::npos);
  for (const char* text : {"", "now", "1353088179.5", "-1", "99999999999999999999",
                           "9223372036854775807", " 1353088179"}) {
    Parameters parameters = example();
    parameters[1].second = text;
    EXPECT_EQ(code(parameters), AuthErrc::kTimestamp) << text;
  }
}

TEST_F(RestAuthTest, EachParameterIsNeededOnce) {
  for (std::size_t i = 0; i < example().size(); ++i) {
    Parameters parameters = example();
    parameters.erase(parameters.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(code(parameters), AuthErrc::kParameterMissing) << i;
    parameters = example();
    parameters.push_back(parameters[i]);
    EXPECT_EQ(code(parameters), AuthErrc::kParameterRepeated) << i;
  }
}

TEST_F(RestAuthTest, WrongKeyVersionSignature) {
  Parameters parameters = example();
  parameters[0].second = "other";
  EXPECT_EQ(code(parameters), AuthErrc::kKey);
  parameters = example();
  parameters[2].second = "2.0";
  EXPECT_EQ(code(parameters), AuthErrc::kVersion);
  for (std::size_t i = 0; i < kSignature.size(); ++i) {
    parameters = example();
    parameters[4].second[i] = parameters[4].second[i] == '0' ? '1' : '0';
    EXPECT_EQ(code(parameters), AuthErrc::kSignature) << i;
  }
  parameters = example();
  parameters.emplace_back("info", "user_count");
  EXPECT_EQ(code(parameters), AuthErrc::kSignature);
  EXPECT_EQ(check(example(), kBody, kThen, "PUT").error().code, AuthErrc::kSignature);
}

TEST_F(RestAuthTest, BodyMd5BelongsToTheBody) {
  EXPECT_EQ(code(example(), "{}"), AuthErrc::kBodyMd5);
  EXPECT_EQ(code(example(), ""), AuthErrc::kBodyMd5);
}

TEST_F(RestAuthTest, AnEmptyBodyNeedsNoMd5ButMayHaveOne) {
  const Parameters base = {{"auth_key", app_->options.key},
                           {"auth_timestamp", std::to_string(kThen)},
                           {"auth_version", "1.0"}};
  EXPECT_TRUE(check(signed_with(base, ""), "").ok());
  Parameters with_md5 = base;
  with_md5.emplace_back("body_md5", "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_TRUE(check(signed_with(with_md5, ""), "").ok());
  with_md5.back().second = "";
  EXPECT_EQ(code(signed_with(with_md5, ""), ""), AuthErrc::kBodyMd5);
}

TEST_F(RestAuthTest, OwnSignedPathsAreAccepted) {
  const Parameters extra = {{"info", "user_count,subscription_count"}};
  const std::string path =
      sign_rest_path(*app_, hmac_, {"POST", "/apps/3/events", extra, kBody}, at(kThen));
  EXPECT_TRUE(path.starts_with("/apps/3/events?info=user_count%2Csubscription_count&auth_key="))
      << path;
  Parameters parameters = extra;
  for (const auto& part : {example()[0], example()[1], example()[2], example()[3]}) {
    parameters.push_back(part);
  }
  parameters.emplace_back("auth_signature", path.substr(path.rfind('=') + 1));
  EXPECT_TRUE(check(parameters).ok());
  EXPECT_EQ(find_parameter(parameters, "info"), &parameters[0].second);
  EXPECT_EQ(find_parameter(parameters, "none"), nullptr);
}

}  // namespace
}  // namespace mr::pusher
