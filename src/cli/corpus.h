#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "base/result.h"
#include "json/parser.h"

namespace mr::cli {

// One line of a recording: {"ts": seconds, "channel", "event", "data"}; other members (a conflation
// "key") are allowed. `data` may be a string, or any JSON value that is then published as its text.
struct CorpusEvent {
  double ts = 0;
  std::string channel;
  std::string event;
  std::string data;
};

enum class CorpusErrc : std::uint8_t {
  kOpen,  // the file cannot be read
  kLine,  // a line is not an event; the detail has file and line number
};

// Reads a recording line by line, so that its size does not matter. Blank lines are skipped.
class Corpus {
 public:
  // Opens and reads through the file once, to know count() and that every line is good.
  static base::Result<Corpus, CorpusErrc> open(const std::string& path);

  std::uint64_t count() const { return count_; }
  // Nothing after the last.
  std::optional<CorpusEvent> next();

 private:
  explicit Corpus(const std::string& path);
  base::Result<std::optional<CorpusEvent>, CorpusErrc> read();

  std::string path_;
  std::ifstream file_;
  std::unique_ptr<json::Parser> parser_;
  std::uint64_t line_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace mr::cli
