#include "json/text_walk.h"

#include <cstddef>
#include <cstring>

namespace mr::json {
namespace {

bool ends_scalar(char c) {
  return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
         c == '\0';
}

}  // namespace

const char* skip_space(const char* at) {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') ++at;
  return at;
}

const char* skip_string(const char* at) {
  const char* from = at + 1;
  for (;;) {
    const char* const quote = static_cast<const char*>(std::strchr(from, '"'));
    const char* before = quote;
    while (before > from && before[-1] == '\\') --before;
    // An even number of backslashes escape each other, not the quote.
    if ((quote - before) % 2 == 0) return quote + 1;
    from = quote + 1;
  }
}

const char* skip_value(const char* at) {
  if (*at == '"') return skip_string(at);
  if (*at != '{' && *at != '[') {
    while (!ends_scalar(*at)) ++at;
    return at;
  }
  std::size_t depth = 0;
  for (;;) {
    switch (*at) {
      case '"':
        at = skip_string(at);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      default:
        break;
    }
    ++at;
  }
}

}  // namespace mr::json
