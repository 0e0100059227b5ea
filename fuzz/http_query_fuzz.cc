#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/query.h"
#include "http/router.h"

// What was decoded and is encoded again decodes to the same; the router takes any path.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  if (const auto params = mr::http::parse_query(input)) {
    std::string again;
    for (const auto& [name, value] : *params) {
      again += mr::http::percent_encode(name) + "=" + mr::http::percent_encode(value) + "&";
    }
    if (mr::http::parse_query(again) != params) std::abort();
  }
  static const mr::http::Router<int> router = [] {
    mr::http::Router<int> routes;
    routes.add(mr::http::Method::kGet, "/apps/{app}/channels/{channel}", 1);
    routes.add(mr::http::Method::kPost, "/apps/{app}/events", 2);
    return routes;
  }();
  const auto match = router.match(mr::http::Method::kGet, input);
  if ((match.target != nullptr) != (match.status == mr::http::RouteStatus::kFound)) std::abort();
  return 0;
}
