#include "http/parser.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace mr::http {
namespace {

struct Outcome {
  std::vector<Request> requests;
  int status = 0;  // 0: no error
  std::string detail;
};

// Feeds `bytes` in pieces of `step` (0: all at once).
Outcome run(const std::string& bytes, const Options& options, std::size_t step = 0) {
  Outcome outcome;
  RequestParser parser(options);
  std::string_view all = bytes;
  while (!all.empty()) {
    std::string_view piece = all.substr(0, step == 0 ? all.size() : step);
    all.remove_prefix(piece.size());
    while (!piece.empty()) {
      const auto progress = parser.consume(piece);
      if (!progress) {
        outcome.status = status_of(progress.error().code);
        outcome.detail = progress.error().detail;
        return outcome;
      }
      piece.remove_prefix(progress.value().consumed);
      if (progress.value().complete) outcome.requests.push_back(parser.take());
    }
  }
  return outcome;
}

// The same whatever the pieces.
Outcome run_all(const std::string& bytes, const Options& options = {}) {
  Outcome whole = run(bytes, options);
  for (const std::size_t step : {1, 2, 3, 5, 7, 64}) {
    const Outcome cut = run(bytes, options, step);
    EXPECT_EQ(cut.status, whole.status) << "step " << step << ": " << cut.detail;
    EXPECT_EQ(cut.requests.size(), whole.requests.size()) << "step " << step;
    for (std::size_t i = 0; i < std::min(cut.requests.size(), whole.requests.size()); ++i) {
      EXPECT_EQ(cut.requests[i].body, whole.requests[i].body);
      EXPECT_EQ(cut.requests[i].target, whole.requests[i].target);
    }
  }
  return whole;
}

int status(const std::string& bytes, const Options& options = {}) {
  return run_all(bytes, options).status;
}

TEST(RequestParser, ReadsARequest) {
  const auto got =
      run_all("GET /apps/1/channels?info=a%20b&x=1 HTTP/1.1\r\nHost: h:80\r\nX-A:  v \r\n\r\n");
  ASSERT_EQ(got.requests.size(), 1u);
  const Request& r = got.requests[0];
  EXPECT_EQ(r.method, Method::kGet);
  EXPECT_EQ(r.method_text, "GET");
  EXPECT_EQ(r.path, "/apps/1/channels");
  EXPECT_EQ(r.query, "info=a%20b&x=1");
  ASSERT_NE(r.header("x-a"), nullptr);
  EXPECT_EQ(*r.header("x-a"), "v");
  EXPECT_TRUE(r.keep_alive);
  EXPECT_TRUE(r.body.empty());
}

TEST(RequestParser, PipelinedRequestsAreSeparated) {
  std::string bytes;
  for (int i = 0; i < 5; ++i) {
    bytes += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab" +
             std::to_string(i);
  }
  const auto got = run_all(bytes);
  ASSERT_EQ(got.requests.size(), 5u);
  EXPECT_EQ(got.requests[4].body, "ab4");
  EXPECT_EQ(got.requests[4].path, "/4");
}

TEST(RequestParser, ChunkedBodiesAreJoinedAndTrailersDropped) {
  const auto got = run_all(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;x=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: 1\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(got.requests.size(), 2u);
  EXPECT_EQ(got.requests[0].body, "abc0123456789abcdef");
  EXPECT_EQ(got.requests[0].header("x-trailer"), nullptr);
  EXPECT_EQ(got.requests[1].path, "/next");
}

TEST(RequestParser, EmptyChunkedBodyInAnyPieces) {
  const auto got =
      run_all("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  ASSERT_EQ(got.requests.size(), 1u);
  EXPECT_EQ(got.requests[0].body, "");
}

TEST(RequestParser, Http10HasNoKeepAliveByDefault) {
  EXPECT_FALSE(run_all("GET / HTTP/1.0\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_TRUE(
      run_all("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_FALSE(
      run_all("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").requests.at(0).keep_alive);
}

TEST(RequestParser, RefusesSmuggling) {
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                   "Content-Length: 3\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
            400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \r\n\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"), 501);
  EXPECT_EQ(status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n"), 400);
}

TEST(RequestParser, RefusesLooseLines) {
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status(std::string("GET / HTTP/1.1\r\nHost: h\r\nX: a") + '\0' + "b\r\n\r\n"), 400);
  EXPECT_EQ(status("\x16\x03\x01\x02"), 400);  // a TLS hello
  EXPECT_EQ(status("GET /\r\n\r\n"), 400);
  EXPECT_EQ(status("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
}

TEST(RequestParser, HostIsRequiredOnceAndPlain) {
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: [::1]:6001\r\n\r\n"), 0);
  EXPECT_EQ(status("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestParser, MethodsVersionsAndTargets) {
  EXPECT_EQ(status("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
  EXPECT_EQ(status("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
  EXPECT_EQ(status("CONNECT a:1 HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
  EXPECT_EQ(status("get / HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
  EXPECT_EQ(status("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(status("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status("GET / FTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET /#a HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
  const auto got = run_all("GET http://h:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(got.requests.size(), 1u);
  EXPECT_EQ(got.requests[0].path, "/a");
  EXPECT_EQ(got.requests[0].query, "b");
  EXPECT_EQ(run_all("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").requests.at(0).path, "/");
}

TEST(RequestParser, LimitsAreExact) {
  Options options;
  options.header_bytes_max = 200;
  options.body_bytes_max = 10;
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string fits = head + std::string(200 - head.size() - 4, 'a') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), 200u);
  EXPECT_EQ(status(fits, options), 0);
  EXPECT_EQ(status(head + std::string(200 - head.size() - 3, 'a') + "\r\n\r\n", options), 431);
  EXPECT_EQ(status("GET /" + std::string(300, 'a'), options), 414);
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(status(post + "Content-Length: 10\r\n\r\n0123456789", options), 0);
  // Judged before any of the body is there.
  EXPECT_EQ(status(post + "Content-Length: 11\r\n\r\n", options), 413);
  EXPECT_EQ(status(post + "Content-Length: 99999999999999999999999\r\n\r\n", options), 400);
  EXPECT_EQ(status(post + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n", options), 413);
  EXPECT_EQ(status(post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(300, 'a'), options),
            400);
}

TEST(RequestParser, TooManyFields) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) bytes += "A: b\r\n";
  EXPECT_EQ(status(bytes + "\r\n"), 431);
}

TEST(RequestParser, BrokenChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status(head + "x\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status(head + "3\r\nabcd\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status(head + "3\nabc\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status(head + "ffffffffffffffffff\r\nabc"), 400);
  EXPECT_EQ(run(head + "0\r\n", {}, 1).status, 0);  // just incomplete
  EXPECT_EQ(run(head + "0\r\nX", {}, 1).status, 0);
}

TEST(RequestParser, OversizeTrailersAreRefusedHoweverTheyCome) {
  Options options;
  options.header_bytes_max = 200;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status(head + "0\r\nX: " + std::string(150, 'a') + "\r\n\r\n", options), 0);
  EXPECT_EQ(status(head + "0\r\nX: " + std::string(200, 'a') + "\r\n\r\n", options), 400);
}

TEST(RequestParser, ExpectContinue) {
  const Options options;
  RequestParser parser(options);
  const std::string head =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  ASSERT_TRUE(parser.consume(head).ok());
  EXPECT_TRUE(parser.in_body());
  EXPECT_TRUE(parser.take_expect_continue());
  EXPECT_FALSE(parser.take_expect_continue());
  const auto progress = parser.consume("ok");
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(progress.value().complete);
  EXPECT_EQ(parser.take().body, "ok");
  EXPECT_TRUE(parser.is_idle());
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nContent-Length: 2\r\n\r\nab"),
            417);
}

TEST(RequestParser, UpgradeRequestsAreRecognised) {
  const auto is_upgrade = [](const std::string& headers) {
    return run_all("GET /app/k HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n")
        .requests.at(0)
        .is_websocket_upgrade();
  };
  EXPECT_TRUE(is_upgrade("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"));
  EXPECT_FALSE(is_upgrade("Connection: keep-alive\r\nUpgrade: websocket\r\n"));
  EXPECT_FALSE(is_upgrade("Connection: upgrade\r\nUpgrade: h2c\r\n"));
}

TEST(RequestParser, ErrorsNameTheThing) {
  const auto got = run_all("BREW / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(got.detail.find("'BREW'"), std::string::npos) << got.detail;
}

TEST(RequestParser, RandomCutsChangeNothing) {
  base::SeededRandom random(20240);
  std::string bytes;
  for (int i = 0; i < 40; ++i) {
    const std::string body(random.below(300), 'b');
    bytes += "POST /" + std::to_string(i) +
             " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
             body;
  }
  const Options options;
  for (int round = 0; round < 50; ++round) {
    RequestParser parser(options);
    std::string_view rest = bytes;
    int complete = 0;
    while (!rest.empty()) {
      std::string_view piece = rest.substr(0, 1 + random.below(200));
      const auto progress = parser.consume(piece);
      ASSERT_TRUE(progress.ok()) << "seed 20240, round " << round;
      rest.remove_prefix(progress.value().consumed);
      if (!progress.value().complete) continue;
      EXPECT_EQ(parser.take().path, "/" + std::to_string(complete++));
    }
    EXPECT_EQ(complete, 40);
  }
}

}  // namespace
}  // namespace mr::http
