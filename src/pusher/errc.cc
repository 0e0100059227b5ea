#include "pusher/errc.h"

namespace mr::pusher {

const char* describe(Errc code) {
  switch (code) {
    case Errc::kNotJson:
      return "it is not valid JSON";
    case Errc::kNotAnObject:
      return "it is JSON but not an object";
    case Errc::kEventMissing:
      return "the member event is missing or is not a text";
    case Errc::kChannelMissing:
      return "the member channel is missing or is not a text";
    case Errc::kDataShape:
      return "a member of data is missing or has the wrong type";
    case Errc::kUserIdMissing:
      return "the user id is missing, empty, or neither text nor number";
  }
  return "";
}

}  // namespace mr::pusher
