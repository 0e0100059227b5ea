#include "app/request_log.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mr::app {
namespace {

constexpr std::size_t kIdBytesMax = 64;

// What the lines say of a request. Its query has a signature and is not among it.
struct Told {
  std::string id;
  std::string path;
  std::string_view method;
  net::PeerAddress peer;
};

bool is_sane(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void finish(const observability::Logger& log, const Told& told, http::Response& response) {
  response.headers.push_back({"X-Request-Id", told.id});
  if (response.status >= 400) {
    log.info_limited("request refused", {{"request_id", told.id},
                                         {"status", response.status},
                                         {"reason", response.reason},
                                         {"method", told.method},
                                         {"path", told.path},
                                         {"peer", told.peer.to_string()}});
    return;
  }
  log.debug("request answered", {{"request_id", told.id},
                                 {"status", response.status},
                                 {"method", told.method},
                                 {"path", told.path}});
}

}  // namespace

std::string RequestLog::id_of(const http::Request& request) {
  const std::string* const given = request.header("x-request-id");
  if (given != nullptr && is_sane(*given)) return *given;
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx",
                static_cast<unsigned long long>(random_.next()),
                static_cast<unsigned long long>(random_.next()));
  return text;
}

http::Responder RequestLog::follow(const http::Request& request, http::Responder responder) {
  Told told{id_of(request), request.path, http::to_text(request.method), request.peer};
  return http::Responder([log = log_, told = std::move(told),
                          responder = std::move(responder)](http::Response response) mutable {
    finish(log, told, response);
    responder.answer(std::move(response));
  });
}

void RequestLog::complete(const http::Request& request, http::Response& response) {
  finish(log_, {id_of(request), request.path, http::to_text(request.method), request.peer},
         response);
}

void RequestLog::tell_refused_upgrade(const http::Request& request, int status) const {
  log_.info_limited(
      "upgrade refused",
      {{"status", status}, {"path", request.path}, {"peer", request.peer.to_string()}});
}

}  // namespace mr::app
