#include "api/cors.h"

#include <gtest/gtest.h>

namespace mr::api {
namespace {

http::Request from(std::string origin) {
  http::Request request;
  if (!origin.empty()) request.headers.push_back({"origin", std::move(origin)});
  return request;
}

std::string header(const http::Response& response, std::string_view name) {
  const std::string* const value = response.header(name);
  return value != nullptr ? *value : "(none)";
}

http::Response allowed(const Cors& cors, std::string origin) {
  http::Response response;
  cors.allow(from(std::move(origin)), response);
  return response;
}

TEST(CorsTest, AnyOriginWithCredentialsIsNamed) {
  const Cors cors{CorsOptions{}};
  const http::Response response = allowed(cors, "https://a.example");
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(header(response, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(header(response, "Vary"), "Origin");
  EXPECT_TRUE(allowed(cors, "").headers.empty());
}

TEST(CorsTest, AnyOriginWithoutCredentialsIsAStar) {
  CorsOptions options;
  options.credentials = false;
  const http::Response response = allowed(Cors{options}, "https://a.example");
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(response, "Access-Control-Allow-Credentials"), "(none)");
  EXPECT_EQ(header(response, "Vary"), "(none)");
}

TEST(CorsTest, AListAllowsOnlyItsOrigins) {
  CorsOptions options;
  options.origin = {"https://a.example"};
  const Cors cors{options};
  EXPECT_EQ(header(allowed(cors, "https://a.example"), "Access-Control-Allow-Origin"),
            "https://a.example");
  const http::Response other = allowed(cors, "https://b.example");
  EXPECT_EQ(header(other, "Access-Control-Allow-Origin"), "(none)");
  EXPECT_EQ(header(other, "Vary"), "Origin");
  options.origin.clear();
  EXPECT_TRUE(allowed(Cors{options}, "https://a.example").headers.empty());
}

TEST(CorsTest, PreflightNamesMethodsAndHeaders) {
  const Cors cors{CorsOptions{}};
  const http::Response response = cors.preflight(from("https://a.example"));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(header(response, "Access-Control-Allow-Methods"), "GET, POST, OPTIONS");
  EXPECT_NE(header(response, "Access-Control-Allow-Headers").find("X-Idempotency-Key"),
            std::string::npos);
  EXPECT_EQ(header(response, "Access-Control-Max-Age"), "3600");
  EXPECT_EQ(header(cors.preflight(from("")), "Access-Control-Allow-Methods"), "(none)");
}

}  // namespace
}  // namespace mr::api
