#include <gtest/gtest.h>

#include <string>

#include "connection_fixture.h"

namespace mr::http::test {
namespace {

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

const std::string kUpgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";

TEST(ServerConnection, AnswersAndKeepsTheConnection) {
  Server server;
  RawPeer& peer = server.connect(get("/a"));
  server.run();
  EXPECT_NE(peer.got.find("HTTP/1.1 200 OK"), std::string::npos) << peer.got;
  EXPECT_NE(peer.got.find("GET /a \n"), std::string::npos);
  EXPECT_FALSE(peer.closed);
  peer.send(get("/b", "Connection: close\r\n"));
  server.run();
  EXPECT_NE(peer.got.find("Connection: close\r\n\r\nGET /b"), std::string::npos) << peer.got;
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.pool->connections(), 0u);
  EXPECT_EQ(server.pool->counters().requests, 2u);
  EXPECT_EQ(server.pool->counters().responses[2], 2u);
}

TEST(ServerConnection, AnswersInOrderWhateverTheOrderOfTheCalls) {
  Server server;
  RawPeer& peer = server.connect(get("/later1") + get("/now") + get("/later2"));
  server.run();
  ASSERT_EQ(server.service.later.size(), 2u);
  EXPECT_EQ(server.pool->open_requests(), 3u);
  EXPECT_EQ(peer.got, "");
  server.service.later[1].second.answer(text_response(200, "second\n"));
  server.run();
  EXPECT_EQ(peer.got, "");
  server.service.later[0].second.answer(text_response(200, "first\n"));
  server.run();
  const std::size_t first = peer.got.find("first");
  const std::size_t now = peer.got.find("GET /now");
  const std::size_t second = peer.got.find("second");
  ASSERT_NE(second, std::string::npos) << peer.got;
  EXPECT_LT(first, now);
  EXPECT_LT(now, second);
  EXPECT_EQ(server.pool->open_requests(), 0u);
}

TEST(ServerConnection, PipelineMaxPausesReading) {
  Options options;
  options.pipeline_max = 4;
  Server server(options);
  std::string bytes;
  for (int i = 0; i < 10; ++i) bytes += get("/later" + std::to_string(i));
  RawPeer& peer = server.connect(bytes);
  server.run();
  EXPECT_EQ(server.service.requests.size(), 4u);
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_GT(server.service.later.size(), i);
    server.service.later[i].second.answer(text_response(200, "answer\n"));
    server.run(50ms);
  }
  EXPECT_EQ(count(peer.got, "answer\n"), 10u);
}

TEST(ServerConnection, ManyPipelinedRequestsAllComeBack) {
  Server server;
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += get("/" + std::to_string(i));
  RawPeer& peer = server.connect(bytes);
  server.run(30s);
  EXPECT_EQ(count(peer.got, "HTTP/1.1 200 OK"), 1000u);
  EXPECT_NE(peer.got.find("GET /999 "), std::string::npos);
}

TEST(ServerConnection, ADroppedResponderAnswers500) {
  Server server;
  RawPeer& peer = server.connect(get("/drop"));
  server.run();
  EXPECT_NE(peer.got.find("HTTP/1.1 500 "), std::string::npos) << peer.got;
}

TEST(ServerConnection, ResponderOutlivesItsConnection) {
  Server server;
  server.connect(get("/later"));
  server.run();
  server.clients.clear();
  server.run();
  server.pool->close_all();
  EXPECT_EQ(server.pool->open_requests(), 0u);
  server.service.later.at(0).second.answer(text_response(200, ""));
  server.run();
}

TEST(ServerConnection, BadInputIsAnsweredAndClosed) {
  Server server;
  RawPeer& peer = server.connect(get("/ok") + "BREW / HTTP/1.1\r\nHost: h\r\n\r\n" + get("/no"));
  server.run();
  EXPECT_LT(peer.got.find(" 200 OK"), peer.got.find(" 501 Not Implemented"));
  EXPECT_NE(peer.got.find("'BREW'"), std::string::npos);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.service.requests.size(), 1u);
  EXPECT_EQ(server.pool->counters().of(Refusal::kNotSupported), 1u);
}

TEST(ServerConnection, AnOversizeBodyIsRefusedBeforeItComes) {
  Options options;
  options.body_bytes_max = 100;
  Server server(options);
  RawPeer& peer = server.connect("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
  server.run();
  EXPECT_NE(peer.got.find(" 413 Content Too Large"), std::string::npos) << peer.got;
  EXPECT_EQ(server.pool->counters().of(Refusal::kBodyTooLarge), 1u);
}

TEST(ServerConnection, SendsContinueOnce) {
  Server server;
  RawPeer& peer = server.connect(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  server.run();
  EXPECT_EQ(peer.got, "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("ok");
  server.run();
  EXPECT_NE(peer.got.find("POST / ok"), std::string::npos);
}

TEST(ServerConnection, HalfClosedPeersGetTheirAnswer) {
  Server server;
  RawPeer& peer = server.connect(get("/later"));
  server.run();
  peer.end();
  server.run();
  ASSERT_EQ(server.service.later.size(), 1u);
  server.service.later[0].second.answer(text_response(200, "late\n"));
  server.run();
  EXPECT_NE(peer.got.find("late\n"), std::string::npos);
  EXPECT_TRUE(peer.closed);
}

TEST(ServerConnection, UpgradeHandsTheSocketOver) {
  Server server;
  RawPeer& peer = server.connect(get("/first") + get("/app/k", kUpgrade) + "early");
  server.run();
  EXPECT_LT(peer.got.find("GET /first"), peer.got.find(" 101 ")) << peer.got;
  EXPECT_NE(peer.got.find(" 101 "), std::string::npos);
  EXPECT_EQ(peer.got.find(" 500 "), std::string::npos);
  EXPECT_EQ(server.pool->connections(), 0u);
  EXPECT_EQ(server.pool->open_requests(), 0u);
  EXPECT_EQ(server.pool->counters().upgrades, 1u);
  EXPECT_TRUE(std::string("early").starts_with(server.service.early));
}

TEST(ServerConnection, UpgradeWaitsForTheAnswersBeforeIt) {
  Server server;
  RawPeer& peer = server.connect(get("/later") + get("/app/k", kUpgrade));
  server.run();
  EXPECT_EQ(peer.got, "");
  server.service.later.at(0).second.answer(text_response(200, "first\n"));
  server.run();
  EXPECT_LT(peer.got.find("first\n"), peer.got.find(" 101 "));
  EXPECT_NE(peer.got.find(" 101 "), std::string::npos);
}

TEST(ServerConnection, ARefusedUpgradeIsAnAnswer) {
  Server server;
  server.service.accept_upgrades = false;
  RawPeer& peer = server.connect(get("/app/k", kUpgrade) + get("/next"));
  server.run();
  EXPECT_NE(peer.got.find(" 403 "), std::string::npos);
  EXPECT_NE(peer.got.find("GET /next"), std::string::npos) << peer.got;
}

TEST(ConnectionPool, SlowHandshakesEndAtTheHeaderDeadline) {
  Server server;
  for (int i = 0; i < 300; ++i) server.connect("GET / HTTP/1.1\r\nHo");
  // Single bytes do not extend it.
  for (int second = 0; second < 9; ++second) {
    server.run(1s);
    for (const auto& peer : server.clients) peer->send("x");
  }
  EXPECT_EQ(server.pool->connections(), 300u);
  server.run(4s);
  EXPECT_EQ(server.pool->counters().of(Refusal::kHeaderTimeout), 300u);
  EXPECT_NE(server.clients[0]->got.find(" 408 "), std::string::npos);
  server.run(3s);
  EXPECT_EQ(server.pool->connections(), 0u);
}

// An empty line may come before a request; a kept connection was made to last for ever by them.
TEST(ConnectionPool, EmptyLinesDoNotExtendTheHeaderDeadline) {
  Server server;
  RawPeer& peer = server.connect();
  for (int second = 0; second < 9; ++second) {
    peer.send(second < 2 ? "\r\n" : "");
    server.run(1s);
  }
  EXPECT_FALSE(peer.closed);
  server.run(4s);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(server.pool->counters().of(Refusal::kHeaderTimeout), 1u);
}

TEST(ConnectionPool, EmptyLinesDoNotExtendTheKeepAliveDeadline) {
  Server server;
  RawPeer& peer = server.connect(get("/"));
  server.run(60s);
  peer.send("\r\n");
  server.run(10s);
  EXPECT_FALSE(peer.closed);
  server.run(8s);
  EXPECT_TRUE(peer.closed);
}

TEST(ConnectionPool, EmptyLinesAreCountedAcrossSweeps) {
  Server server;
  RawPeer& peer = server.connect();
  for (int second = 0; second < 3; ++second) {
    EXPECT_EQ(peer.got, "");
    peer.send("\r\n");
    server.run(2s);
  }
  EXPECT_NE(peer.got.find("HTTP/1.1 400 "), std::string::npos) << peer.got;
  EXPECT_EQ(server.pool->counters().of(Refusal::kBadRequest), 1u);
}

std::string post_head(const std::string& path, std::size_t length) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

// Many bodies that never end filled the memory: each was within its own limit.
TEST(ConnectionPool, BodiesThatComeInShareABudget) {
  Options options;
  options.body_bytes_max = 100'000;
  options.body_budget = 250'000;
  Server server(options);
  const std::string most(99'999, 'b');
  for (int i = 0; i < 5; ++i) {
    server.connect(post_head("/", 100'000) + most);
    server.run();
    EXPECT_LE(server.pool->body_bytes(), options.body_budget);
  }
  EXPECT_EQ(server.pool->body_bytes(), 2 * most.size());
  EXPECT_EQ(server.pool->counters().of(Refusal::kBodyBudget), 3u);
  EXPECT_NE(server.clients[4]->got.find("HTTP/1.1 503 "), std::string::npos);
  EXPECT_NE(server.clients[4]->got.find("Retry-After: 1\r\n"), std::string::npos);
  server.clients[0]->send("b");
  server.run();
  EXPECT_NE(server.clients[0]->got.find("HTTP/1.1 200 "), std::string::npos);
  EXPECT_EQ(server.pool->body_bytes(), most.size());
  RawPeer& next = server.connect(post_head("/", 100'000) + most + "b");
  server.run();
  EXPECT_NE(next.got.find("HTTP/1.1 200 "), std::string::npos) << "there is room again";
  server.run(40s);
  EXPECT_NE(server.clients[1]->got.find("HTTP/1.1 408 "), std::string::npos);
  EXPECT_EQ(server.pool->body_bytes(), 0u);
}

TEST(ConnectionPool, BodiesOfLostPeersLeaveTheBudget) {
  Server server;
  server.connect(post_head("/", 100) + "abc");
  server.run();
  EXPECT_EQ(server.pool->body_bytes(), 3u);
  server.clients.clear();
  server.run();
  EXPECT_EQ(server.pool->body_bytes(), 0u);
}

TEST(ConnectionPool, ALargestBodyPassesASmallerBudget) {
  Options options;
  options.body_bytes_max = 100'000;
  options.body_budget = 10;
  Server server(options);
  RawPeer& peer = server.connect(post_head("/", 100'000) + std::string(100'000, 'b'));
  server.run();
  EXPECT_NE(peer.got.find("HTTP/1.1 200 "), std::string::npos);
}

TEST(ServerConnection, ARequestIsRefusedAtItsHead) {
  Server server;
  RawPeer& peer = server.connect(post_head("/refused", 1'000'000) + "abc");
  server.run();
  EXPECT_NE(peer.got.find("HTTP/1.1 404 "), std::string::npos) << peer.got;
  EXPECT_NE(peer.got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(server.pool->body_bytes(), 0u);
  EXPECT_TRUE(server.service.requests.empty());
}

// A pipelined request that a read cut in two took the connection with it.
TEST(ServerConnection, ASmallBodyIsAwaitedSoThatTheConnectionStays) {
  Server server;
  RawPeer& peer = server.connect(post_head("/refused", 4) + "ab");
  server.run();
  EXPECT_EQ(peer.got, "");
  peer.send("cd" + get("/next"));
  server.run();
  EXPECT_NE(peer.got.find("POST /refused abcd"), std::string::npos) << peer.got;
  EXPECT_NE(peer.got.find("GET /next"), std::string::npos) << peer.got;
}

TEST(ConnectionPool, SilentConnectionsAreClosedInSilence) {
  Server server;
  RawPeer& peer = server.connect();
  server.run(13s);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.got, "");
}

TEST(ConnectionPool, KeepAliveAndBodyDeadlines) {
  Server server;
  RawPeer& idle = server.connect(get("/"));
  RawPeer& body = server.connect("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  server.run(33s);
  EXPECT_FALSE(idle.closed);
  EXPECT_NE(body.got.find(" 408 "), std::string::npos);
  EXPECT_EQ(server.pool->counters().of(Refusal::kBodyTimeout), 1u);
  server.run(45s);
  EXPECT_TRUE(idle.closed);
}

TEST(ConnectionPool, AnOpenRequestHasNoDeadline) {
  Server server;
  RawPeer& peer = server.connect(get("/later"));
  server.run(200s);
  EXPECT_FALSE(peer.closed);
  server.service.later.at(0).second.answer(text_response(200, "late\n"));
  server.run();
  EXPECT_NE(peer.got.find("late\n"), std::string::npos);
}

TEST(ConnectionPool, APeerThatDoesNotReadIsBoundedAndClosed) {
  Server server;
  RawPeer& peer = server.connect();
  peer.set_reading(false);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += get("/big");
  peer.send(bytes);
  server.run(10s);
  // pipeline_max answers at most, not all of them.
  EXPECT_LT(server.service.requests.size(), 100u);
  server.run(60s);
  EXPECT_EQ(server.pool->connections(), 0u);
  EXPECT_EQ(server.pool->counters().of(Refusal::kWriteTimeout), 1u);
}

TEST(ConnectionPool, RefusesBeyondTheCap) {
  Options options;
  options.connections_max = 2;
  Server server(options);
  server.connect();
  server.connect();
  server.run();
  RawPeer& third = server.connect();
  server.run();
  EXPECT_NE(third.got.find(" 503 "), std::string::npos);
  EXPECT_TRUE(third.closed);
  EXPECT_EQ(server.pool->connections(), 2u);
}

TEST(ConnectionPool, ADrainSaysCloseBehindTheLastAnswerOwed) {
  Server server;
  RawPeer& idle = server.connect(get("/"));
  RawPeer& pipelined = server.connect(get("/later1") + get("/later2"));
  server.run();
  server.pool->begin_drain();
  server.run();
  EXPECT_FALSE(idle.closed) << "a request may be on its way";
  idle.send(get("/again"));
  for (auto& [path, responder] : server.service.later) {
    responder.answer(text_response(200, path + " answered\n"));
    server.run();
  }
  EXPECT_NE(idle.got.find("Connection: close\r\n\r\nGET /again"), std::string::npos) << idle.got;
  EXPECT_TRUE(idle.closed);
  EXPECT_NE(pipelined.got.find("/later1 answered"), std::string::npos) << pipelined.got;
  EXPECT_NE(pipelined.got.find("Connection: close\r\n\r\n/later2 answered"), std::string::npos);
  EXPECT_EQ(count(pipelined.got, "Connection: close"), 1u);
  EXPECT_TRUE(pipelined.closed);
}

TEST(ConnectionPool, DrainingClosesIdleAnswersOpenRefusesUpgrades) {
  Server server;
  RawPeer& idle = server.connect(get("/"));
  RawPeer& open = server.connect(get("/later"));
  server.run();
  server.pool->begin_drain();
  server.pool->close_idle();
  server.run();
  EXPECT_TRUE(idle.closed);
  EXPECT_FALSE(open.closed);
  EXPECT_EQ(server.pool->open_requests(), 1u);
  server.service.later.at(0).second.answer(text_response(200, "late\n"));
  RawPeer& upgrade = server.connect(get("/app/k", kUpgrade));
  RawPeer& rest = server.connect(get("/rest"));
  server.run(3s);
  EXPECT_NE(open.got.find("Connection: close\r\n\r\nlate"), std::string::npos);
  EXPECT_TRUE(open.closed);
  EXPECT_NE(upgrade.got.find(" 503 "), std::string::npos);
  EXPECT_NE(rest.got.find("GET /rest"), std::string::npos);
  EXPECT_EQ(server.pool->connections(), 0u);
}

TEST(ConnectionPool, ResetsAtAnyCallLeaveNothingBehind) {
  for (std::uint64_t nth = 1; nth < 60; ++nth) {
    Server server({}, nth);
    for (int i = 0; i < 4; ++i) server.connect(get("/big") + get("/later") + get("/x"));
    server.network.fail_call(nth % 2 == 0 ? net::sim::SimCall::kRead : net::sim::SimCall::kWrite,
                             nth);
    server.run();
    for (auto& [path, responder] : server.service.later) {
      responder.answer(text_response(200, "late\n"));
    }
    server.run(90s);
    EXPECT_EQ(server.pool->connections(), 0u) << "nth " << nth;
    EXPECT_EQ(server.pool->open_requests(), 0u) << "nth " << nth;
  }
}

TEST(Client, PipelinesAndReconnects) {
  Server server;
  ClientOptions options;
  options.address = {"127.0.0.1", server.port};
  Client client(server.peers, options);
  std::vector<std::string> bodies;
  const auto keep = [&bodies](base::Result<Response, ClientErrc> result) {
    bodies.push_back(result.ok() ? result.value().body : result.error().detail);
  };
  for (int i = 0; i < 20; ++i) {
    client.send({Method::kPost, "/" + std::to_string(i), {}, "body"}, keep);
  }
  server.run(2s);
  ASSERT_EQ(bodies.size(), 20u);
  EXPECT_EQ(bodies[19], "POST /19 body\n");
  EXPECT_EQ(server.pool->counters().accepted, 1u);
  server.pool->close_all();
  server.run();
  client.send({Method::kGet, "/again", {}, ""}, keep);
  server.run();
  EXPECT_EQ(bodies.back(), "GET /again \n");
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST(Client, ReportsWhatWasNotAnswered) {
  Server server;
  ClientOptions options;
  options.address = {"127.0.0.1", server.port};
  Client client(server.peers, options);
  std::vector<ClientErrc> errors;
  const auto keep = [&errors](base::Result<Response, ClientErrc> result) {
    if (!result) errors.push_back(result.error().code);
  };
  client.send({Method::kGet, "/later", {}, ""}, keep);
  server.run();
  server.pool->close_all();
  server.run();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0], ClientErrc::kClosed);
  client.send({Method::kGet, "/later", {}, ""}, keep);
  server.run(40s);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1], ClientErrc::kTimeout);
  options.address.port = 1;
  Client nobody(server.peers, options);
  nobody.send({Method::kGet, "/", {}, ""}, keep);
  server.run();
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_EQ(errors[2], ClientErrc::kConnect);
}

}  // namespace
}  // namespace mr::http::test
