#include "delta/conflation_key.h"

#include "json/path.h"

namespace mr::delta {

std::string conflation_key(std::string_view data, std::string_view path) {
  constexpr std::string_view kEnvelopeMember = "data.";
  std::string key;
  if (!json::append_text_at(data, path, key) && path.starts_with(kEnvelopeMember)) {
    path.remove_prefix(kEnvelopeMember.size());
    json::append_text_at(data, path, key);
  }
  return key;
}

}  // namespace mr::delta
