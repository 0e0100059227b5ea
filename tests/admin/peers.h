#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/request.h"
#include "net/types.h"

namespace mr::test {

inline constexpr net::PeerAddress kNear{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
                                        40000};
inline constexpr net::PeerAddress kFar{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7},
                                       40000};

inline http::Request ask(const std::string& target, const net::PeerAddress& peer,
                         std::vector<http::Header> headers = {}) {
  http::Request request;
  request.method_text = "GET";
  request.target = target;
  request.path = target.substr(0, target.find('?'));
  if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
  request.headers = std::move(headers);
  request.peer = peer;
  return request;
}

}  // namespace mr::test
