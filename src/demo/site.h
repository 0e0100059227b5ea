#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "demo/authorize.h"
#include "http/request.h"
#include "http/response.h"
#include "model/app.h"

namespace mr::demo {

// The embedded page: path -> content type and bytes. Any thread may ask.
class Pages {
 public:
  struct Page {
    std::string_view content_type;
    std::string_view bytes;
  };
  explicit Pages(const model::App& app);

  // "/demo", "/demo/" and the files below; nothing for any other path.
  std::optional<Page> find(std::string_view path) const;

 private:
  std::string settings_;  // what the page has to know: key and channels
};

// Everything a development node serves below /demo. One per loop.
class Site {
 public:
  // `clock` must outlive the site.
  Site(model::AppRef app, const base::Clock& clock);

  // True for "/demo" and every path below it.
  static bool owns(std::string_view path);
  // Answers a request whose path owns() was true for, at once.
  http::Response serve(const http::Request& request);

 private:
  http::Response post(const http::Request& request);

  const base::Clock& clock_;
  Pages pages_;
  Authorizer authorizer_;
};

}  // namespace mr::demo
