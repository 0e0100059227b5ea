#include "json/errc.h"

namespace mr::json {

const char* describe(Errc code) {
  switch (code) {
    case Errc::kTooLarge:
      return "the JSON text is too large";
    case Errc::kTooDeep:
      return "the JSON text has more than 64 arrays and objects inside each other";
    case Errc::kUtf8:
      return "the JSON text is not valid UTF-8";
    case Errc::kSyntax:
      return "the text is not valid JSON";
  }
  return "";
}

}  // namespace mr::json
