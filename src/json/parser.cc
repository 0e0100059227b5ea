#include "json/parser.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>

#include "json/numbers.h"
#include "json/text_walk.h"

namespace mr::json {
namespace {

namespace sj = simdjson;

// A reader that grew beyond this is replaced before a smaller text: its tables take ten times the
// bytes of the largest text it saw.
constexpr std::size_t kKeepBytes = 256 * 1024;

Errc from_library(sj::error_code code) {
  switch (code) {
    case sj::CAPACITY:
    case sj::MEMALLOC:
      return Errc::kTooLarge;
    case sj::DEPTH_ERROR:
      return Errc::kTooDeep;
    case sj::UTF8_ERROR:
      return Errc::kUtf8;
    default:
      return Errc::kSyntax;
  }
}

void put_padded(std::string& buffer, std::string_view text) {
  buffer.reserve(text.size() + sj::SIMDJSON_PADDING);
  buffer.assign(text);
  buffer.append(sj::SIMDJSON_PADDING, '\0');
}

}  // namespace

struct Parser::Engine {
  std::string source;    // the text as it came, padded: slices point here
  std::string scrubbed;  // with large numbers replaced, when the library refused them
  sj::dom::parser reader;

  sj::error_code read(std::string_view padded, std::size_t length, sj::dom::element& root) {
    // The capacity grows by the library's own rule but the depth must be said first.
    if (length > reader.capacity() || reader.max_depth() != kDepthMax) {
      const std::size_t room = std::max<std::size_t>(std::bit_ceil(length), 4096);
      const sj::error_code failed = reader.allocate(room, kDepthMax);
      if (failed != sj::SUCCESS) return failed;
    }
    return reader.parse(padded.data(), length, false).get(root);
  }
};

Parser::Parser(std::size_t bytes_max)
    : engine_(std::make_unique<Engine>()), bytes_max_(bytes_max) {}
Parser::~Parser() = default;

base::Result<Value, Errc> Parser::parse(std::string_view text) {
  if (text.size() > bytes_max_) {
    return base::Error<Errc>{Errc::kTooLarge, "the JSON text has " + std::to_string(text.size()) +
                                                  " bytes, at most " + std::to_string(bytes_max_) +
                                                  " are read"};
  }
  if (engine_->reader.capacity() > kKeepBytes && text.size() <= kKeepBytes) {
    engine_ = std::make_unique<Engine>();
  }
  put_padded(engine_->source, text);
  sj::dom::element root;
  sj::error_code code = engine_->read(engine_->source, text.size(), root);
  if (code == sj::NUMBER_ERROR) {
    const std::string smaller = without_large_numbers(text);
    put_padded(engine_->scrubbed, smaller);
    code = engine_->read(engine_->scrubbed, smaller.size(), root);
  }
  if (code != sj::SUCCESS) {
    const Errc errc = from_library(code);
    return base::Error<Errc>{errc, describe(errc)};
  }
  static_assert(sizeof(sj::dom::element) == sizeof(Value::Element));
  return Value(std::bit_cast<Value::Element>(root), skip_space(engine_->source.data()));
}

}  // namespace mr::json
