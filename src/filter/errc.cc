#include "filter/errc.h"

namespace mr::filter {

const char* describe(Errc code) {
  switch (code) {
    case Errc::kNotJson:
      return "the filter is not JSON";
    case Errc::kShape:
      return "the filter is not of the grammar";
    case Errc::kLimit:
      return "the filter is over a limit";
    case Errc::kUnsupported:
      return "the filter asks for what is not supported";
  }
  return "";
}

}  // namespace mr::filter
