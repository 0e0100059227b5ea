#include "model/tags.h"

#include <algorithm>

namespace mr::model {

Tags make_tags(std::vector<Tag> unsorted) {
  std::stable_sort(unsorted.begin(), unsorted.end(),
                   [](const Tag& a, const Tag& b) { return a.name < b.name; });
  const auto repeated = std::unique(unsorted.begin(), unsorted.end(),
                                    [](const Tag& a, const Tag& b) { return a.name == b.name; });
  unsorted.erase(repeated, unsorted.end());
  return unsorted;
}

const std::string* find_tag(const Tags& tags, std::string_view name) {
  const auto at =
      std::lower_bound(tags.begin(), tags.end(), name,
                       [](const Tag& tag, std::string_view wanted) { return tag.name < wanted; });
  return at == tags.end() || at->name != name ? nullptr : &at->value;
}

}  // namespace mr::model
