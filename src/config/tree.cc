#include "config/tree.h"

namespace mr::config {
namespace {

// Gives the end of the comment that begins at `at`, `at` when there is none, npos when it has no
// end.
std::size_t comment_end(std::string_view text, std::size_t at) {
  if (text[at] == '#') return std::min(text.find('\n', at), text.size());
  if (text[at] != '/' || at + 1 >= text.size()) return at;
  if (text[at + 1] == '/') return std::min(text.find('\n', at), text.size());
  if (text[at + 1] != '*') return at;
  const std::size_t end = text.find("*/", at + 2);
  return end == std::string_view::npos ? end : end + 2;
}

}  // namespace

std::string blank_comments(std::string_view json, std::size_t& open_comment) {
  std::string out(json);
  open_comment = std::string_view::npos;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size();) {
    if (in_string) {
      if (json[i] == '\\')
        ++i;
      else if (json[i] == '"')
        in_string = false;
      ++i;
      continue;
    }
    in_string = json[i] == '"';
    const std::size_t end = comment_end(json, i);
    if (end == std::string_view::npos) {
      open_comment = i;
      return out;
    }
    for (std::size_t k = i; k < end; ++k) {
      if (out[k] != '\n' && out[k] != '\r') out[k] = ' ';
    }
    i = end > i ? end : i + 1;
  }
  return out;
}

}  // namespace mr::config
