#include "http/request.h"

#include "http/text.h"

namespace mr::http {

std::string_view to_text(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
  }
  return "";
}

const std::string* find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

bool has_token(std::string_view value, std::string_view token) {
  while (true) {
    const std::size_t comma = value.find(',');
    if (equal_ignoring_case(trim(value.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
}

bool Request::is_websocket_upgrade() const {
  bool connection = false;
  bool upgrade = false;
  for (const Header& header : headers) {
    if (header.name == "connection") connection = connection || has_token(header.value, "upgrade");
    if (header.name == "upgrade") upgrade = upgrade || has_token(header.value, "websocket");
  }
  return connection && upgrade;
}

}  // namespace mr::http
