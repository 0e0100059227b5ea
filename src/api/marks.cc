#include "api/marks.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mr::api {
namespace {

Error over_limit(const std::string& what, std::size_t bytes, std::size_t bytes_max) {
  return {Errc::kLimitExceeded, what + " has " + std::to_string(bytes) + " bytes, at most " +
                                    std::to_string(bytes_max) + " are allowed; shorten it"};
}

base::Result<model::Tag, Errc> read_tag(std::string_view name, const json::Value& value) {
  if (name.empty()) {
    return Error{Errc::kInvalidInput,
                 "a tag has no name; send \"tags\":{\"symbol\":\"AAPL\"} with names not empty"};
  }
  if (name.size() > model::kTagNameBytesMax) {
    return over_limit("the tag name " + shown(name), name.size(), model::kTagNameBytesMax);
  }
  const auto text = value.as_string();
  if (!text) {
    return Error{Errc::kInvalidInput, "the tag " + shown(name) + " is " + shown(value.raw()) +
                                          ", not a text; put the value in quotes"};
  }
  if (text->size() > model::kTagValueBytesMax) {
    return over_limit("the tag " + shown(name), text->size(), model::kTagValueBytesMax);
  }
  return model::Tag{std::string(name), std::string(*text)};
}

base::Result<model::Tags, Errc> read_tags(const json::Value& value) {
  if (!value.is_object()) {
    return Error{Errc::kInvalidInput, "tags is " + shown(value.raw()) +
                                          "; send \"tags\":{\"symbol\":\"AAPL\"} or leave it out"};
  }
  std::vector<model::Tag> tags;
  for (auto cursor = value.children(); cursor.next();) {
    auto tag = read_tag(cursor.name(), cursor.value());
    if (!tag) return tag.error();
    if (tags.size() == model::kTagsMax) {
      return Error{Errc::kLimitExceeded, "the event has more than " +
                                             std::to_string(model::kTagsMax) +
                                             " tags; send only those that filters ask for"};
    }
    tags.push_back(std::move(tag).value());
  }
  return model::make_tags(std::move(tags));
}

}  // namespace

base::Result<EventMarks, Errc> read_marks(const json::Value& event) {
  EventMarks marks;
  const auto tags = event.member("tags");
  if (tags && !tags->is_null()) {
    auto read = read_tags(*tags);
    if (!read) return read.error();
    marks.tags = std::move(read).value();
  }
  const auto delta = event.member("delta");
  if (delta && !delta->is_null()) {
    marks.delta = delta->as_bool();
    if (!marks.delta) {
      return Error{Errc::kInvalidInput,
                   "delta is " + shown(delta->raw()) +
                       "; send false for a full message, true for a delta, or leave it out"};
    }
  }
  return marks;
}

}  // namespace mr::api
