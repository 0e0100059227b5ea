#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/query.h"
#include "http/request.h"

namespace mr::http {

// Where a request's path leads.
enum class RouteStatus : std::uint8_t {
  kFound,
  kNotFound,          // 404
  kMethodNotAllowed,  // 405 with Allow
  kBadPath,           // 400: a broken %XX escape
};

// The routing table without the targets: patterns with {param} segments to numbers. Pure.
// Literal segments win over parameters. One trailing slash is ignored; each segment of the path
// is percent-decoded on its own (a %2F stays inside its segment). GET routes answer HEAD.
class RouteTable {
 public:
  struct Match {
    RouteStatus status = RouteStatus::kNotFound;
    std::size_t index = 0;  // of the add() call, when found
    Params params;          // {name} -> decoded segment, in the order of the pattern
    std::string allow;      // "GET, HEAD, POST" when the path is known
  };

  void add(Method method, std::string_view pattern);
  Match match(Method method, std::string_view path) const;

 private:
  struct Segment {
    std::string text;
    bool is_param = false;
  };
  struct Route {
    Method method;
    std::vector<Segment> segments;
  };
  static bool matches(const Route& route, const std::vector<std::string>& parts);
  static bool is_more_literal(const Route& a, const Route& b);

  std::vector<Route> routes_;
};

// Routes to values of T (a function pointer, an enum). Built at start, then only read.
template <class T>
class Router {
 public:
  struct Match {
    RouteStatus status = RouteStatus::kNotFound;
    const T* target = nullptr;  // not null exactly when found; valid as long as the router
    Params params;
    std::string allow;
  };

  void add(Method method, std::string_view pattern, T target) {
    table_.add(method, pattern);
    targets_.push_back(std::move(target));
  }

  Match match(Method method, std::string_view path) const {
    RouteTable::Match found = table_.match(method, path);
    const T* target = found.status == RouteStatus::kFound ? &targets_[found.index] : nullptr;
    return Match{found.status, target, std::move(found.params), std::move(found.allow)};
  }

 private:
  RouteTable table_;
  std::vector<T> targets_;
};

}  // namespace mr::http
