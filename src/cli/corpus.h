#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "json/parser.h"

namespace mr::cli {

// One line of a recording: {"ts": seconds, "channel", "event", "data"}; other members (a conflation
// "key") are allowed. `data` may be a string, or any JSON value that is then published as its text.
struct CorpusEvent {
  // When it is due after the first event. Recordings are joined from several days and venues, so
  // time never runs backwards and a pause is cut; an event without `ts` comes with the one before.
  base::Duration at{};
  std::string channel;
  std::string event;
  std::string data;
};

enum class CorpusErrc : std::uint8_t {
  kOpen,   // the file cannot be read
  kLine,   // a line is not an event; the detail has file and line number
  kEmpty,  // there is no event in it
};

// Reads a recording line by line, so that its size does not matter. Blank lines are skipped.
class Corpus {
 public:
  // Opens and reads through the file once, to know the figures below and that every line is good.
  // Pauses longer than `pause_max` are cut to it.
  static base::Result<Corpus, CorpusErrc> open(const std::string& path, base::Duration pause_max);

  std::uint64_t count() const { return count_; }
  base::Duration length() const { return length_; }
  std::uint64_t pauses_cut() const { return pauses_cut_; }
  // Nothing after the last.
  std::optional<CorpusEvent> next();

 private:
  Corpus(const std::string& path, base::Duration pause_max);
  base::Result<std::optional<CorpusEvent>, CorpusErrc> read();
  void advance(double ts);
  void rewind();

  std::string path_;
  base::Duration pause_max_;
  std::ifstream file_;
  std::unique_ptr<json::Parser> parser_;
  std::uint64_t line_ = 0;
  std::optional<double> last_ts_;
  base::Duration at_{};
  std::uint64_t cut_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t pauses_cut_ = 0;
  base::Duration length_{};
};

}  // namespace mr::cli
