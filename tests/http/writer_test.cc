#include <gtest/gtest.h>

#include <string>

#include "http/response.h"
#include "http/service.h"

namespace mr::http {
namespace {

TEST(Writer, WritesAnAnswer) {
  Response response = json_response(200, "{}");
  response.headers.push_back({"X-A", "b"});
  EXPECT_EQ(write_response(response, true, false),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: b\r\n"
            "Content-Length: 2\r\nConnection: keep-alive\r\n\r\n{}");
  EXPECT_EQ(write_response(text_response(404, "no\n"), false, true),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 3\r\nConnection: close\r\n\r\n");
}

TEST(Writer, NoLengthWithoutBody) {
  Response response;
  response.status = 204;
  EXPECT_EQ(write_response(response, true, false),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Writer, HeaderValuesNeverSplitTheAnswer) {
  Response response;
  response.headers.push_back({"X", "a\r\nSet-Cookie: b"});
  EXPECT_EQ(write_response(response, true, false).find("\r\nSet-Cookie"), std::string::npos);
}

TEST(Responder, AnswersOnceAnd500WhenDropped) {
  int status = 0;
  int calls = 0;
  const auto sink = [&](Response response) {
    status = response.status;
    ++calls;
  };
  {
    Responder dropped(sink);
  }
  EXPECT_EQ(status, 500);
  {
    Responder responder(sink);
    Responder moved = std::move(responder);
    EXPECT_FALSE(static_cast<bool>(responder));  // NOLINT
    moved.answer(text_response(200, ""));
    EXPECT_FALSE(static_cast<bool>(moved));
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace mr::http
