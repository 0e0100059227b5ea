#include "http/header_scan.h"

namespace mr::http {

HeaderScan::Status HeaderScan::scan(std::string_view block) {
  while (true) {
    const std::size_t lf = block.find('\n', scanned_);
    if (lf == std::string_view::npos) {
      scanned_ = block.size();
      return Status::kMore;
    }
    if (lf == line_start_ || block[lf - 1] != '\r') return Status::kBareLf;
    if (lf - 1 == line_start_) {
      end_ = lf + 1;
      return Status::kEnd;
    }
    const char first = block[line_start_];
    if (lines_ > 0 && (first == ' ' || first == '\t')) return Status::kFolded;
    ++lines_;
    scanned_ = line_start_ = lf + 1;
  }
}

}  // namespace mr::http
