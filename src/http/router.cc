#include "http/router.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/assert.h"

namespace mr::http {
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  if (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool serves(Method route, Method asked) {
  return route == asked || (route == Method::kGet && asked == Method::kHead);
}

std::string allow_text(const std::vector<Method>& methods) {
  static constexpr std::array kAll{Method::kGet,   Method::kHead,   Method::kPost,   Method::kPut,
                                   Method::kPatch, Method::kDelete, Method::kOptions};
  std::string text;
  for (const Method method : kAll) {
    const bool allowed = std::any_of(methods.begin(), methods.end(),
                                     [method](Method route) { return serves(route, method); });
    if (!allowed) continue;
    if (!text.empty()) text += ", ";
    text += to_text(method);
  }
  return text;
}

}  // namespace

void RouteTable::add(Method method, std::string_view pattern) {
  MR_ASSERT(!pattern.empty() && pattern.front() == '/', "a route begins with a slash");
  Route route{method, {}};
  for (const std::string_view part : split_path(pattern)) {
    const bool is_param = part.size() > 2 && part.front() == '{' && part.back() == '}';
    route.segments.push_back(
        {std::string(is_param ? part.substr(1, part.size() - 2) : part), is_param});
  }
  routes_.push_back(std::move(route));
}

bool RouteTable::matches(const Route& route, const std::vector<std::string>& parts) {
  if (route.segments.size() != parts.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Segment& segment = route.segments[i];
    if (segment.is_param ? parts[i].empty() : segment.text != parts[i]) return false;
  }
  return true;
}

bool RouteTable::is_more_literal(const Route& a, const Route& b) {
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    if (a.segments[i].is_param != b.segments[i].is_param) return b.segments[i].is_param;
  }
  return false;
}

RouteTable::Match RouteTable::match(Method method, std::string_view path) const {
  Match result;
  std::vector<std::string> parts;
  for (const std::string_view part : split_path(path)) {
    auto decoded = percent_decode(part);
    if (!decoded) {
      result.status = RouteStatus::kBadPath;
      return result;
    }
    parts.push_back(std::move(*decoded));
  }
  const Route* best = nullptr;
  std::vector<Method> known;
  for (const Route& route : routes_) {
    if (!matches(route, parts)) continue;
    known.push_back(route.method);
    if (!serves(route.method, method)) continue;
    if (best == nullptr || is_more_literal(route, *best)) best = &route;
  }
  result.allow = allow_text(known);
  if (best == nullptr) {
    if (!known.empty()) result.status = RouteStatus::kMethodNotAllowed;
    return result;
  }
  result.status = RouteStatus::kFound;
  result.index = static_cast<std::size_t>(best - routes_.data());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (best->segments[i].is_param) {
      result.params.emplace_back(best->segments[i].text, std::move(parts[i]));
    }
  }
  return result;
}

}  // namespace mr::http
