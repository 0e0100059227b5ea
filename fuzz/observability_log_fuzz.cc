// Hostile text in log lines, label values and level texts: a line stays one line without control
// characters, a label stays UTF-8, an accepted level text reads back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "chunks.h"
#include "observability/escape.h"
#include "observability/level.h"
#include "observability/log.h"
#include "observability/process.h"

namespace {

using mr::observability::Field;
using mr::observability::LogFormat;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_line(const std::vector<Field>& fields, LogFormat format) {
  const std::string line = mr::observability::format_line(
      {mr::observability::Level::kWarn, "fuzz", "message", fields}, {}, format);
  require(line.ends_with('\n'));
  require(line.find('\n') == line.size() - 1);
  if (format == LogFormat::kColorText) return;  // its own colours are control characters
  for (const char c : std::string_view(line).substr(0, line.size() - 1)) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  require(mr::observability::to_valid_utf8(line) == line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  mr::fuzz::Chunks chunks({bytes, size});
  std::vector<std::string> texts;
  while (!chunks.done()) {
    const auto piece = chunks.next();
    texts.emplace_back(piece.begin(), piece.end());
  }
  std::vector<Field> fields;
  for (const std::string& text : texts) fields.push_back({"key", text});
  check_line(fields, LogFormat::kJson);
  check_line(fields, LogFormat::kText);
  fields.push_back({"bytes", size});
  fields.push_back({"change", -static_cast<std::int64_t>(size)});
  fields.push_back({"share", 1.0 / static_cast<double>(size)});
  fields.push_back({"empty", texts.empty()});
  check_line(fields, LogFormat::kJson);
  check_line(fields, LogFormat::kColorText);

  const std::string whole(bytes, bytes + size);
  if (const auto levels = mr::observability::Levels::parse(whole)) {
    const std::string text = levels.value().to_text();
    require(mr::observability::Levels::parse(text).value().to_text() == text);
  }
  (void)mr::observability::parse_stat(whole);
  return 0;
}
