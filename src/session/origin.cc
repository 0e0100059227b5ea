#include "session/origin.h"

#include <algorithm>

namespace mr::session {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool matches(const std::string& pattern, const std::string& text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) return pattern == text;
  const std::string_view head = std::string_view(pattern).substr(0, star);
  const std::string_view tail = std::string_view(pattern).substr(star + 1);
  return text.size() > head.size() + tail.size() && text.starts_with(head) && text.ends_with(tail);
}

std::string without_scheme(const std::string& origin) {
  const std::size_t at = origin.find("://");
  return at == std::string::npos ? origin : origin.substr(at + 3);
}

std::string without_port(const std::string& host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string::npos || host.find(']', colon) != std::string::npos) return host;
  return host.substr(0, colon);
}

}  // namespace

bool is_origin_allowed(const std::vector<std::string>& allowed, std::string_view origin) {
  if (allowed.empty() || origin.empty()) return true;
  const std::string whole = lower(origin);
  const std::string host_port = without_scheme(whole);
  const std::string host = without_port(host_port);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
    const std::string pattern = lower(entry);
    if (pattern == "*" || pattern == "any") return true;
    if (pattern.find("://") != std::string::npos) return matches(pattern, whole);
    return matches(pattern, host) || matches(pattern, host_port);
  });
}

}  // namespace mr::session
