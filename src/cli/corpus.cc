#include "cli/corpus.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mr::cli {
namespace {

constexpr std::size_t kLineBytesMax = 16 << 20;
constexpr std::string_view kLineForm =
    R"(each line is {"ts": seconds, "channel": "...", "event": "...", "data": ...})";

}  // namespace

Corpus::Corpus(const std::string& path, base::Duration pause_max)
    : path_(path),
      pause_max_(pause_max),
      file_(path),
      parser_(std::make_unique<json::Parser>(kLineBytesMax)) {}

base::Result<Corpus, CorpusErrc> Corpus::open(const std::string& path, base::Duration pause_max) {
  const auto unreadable = [&path](const std::string& why) {
    return base::Error<CorpusErrc>{CorpusErrc::kOpen, "cannot read '" + path + "': " + why +
                                                          "; name a file of one event a line"};
  };
  std::error_code ec;
  // A pipe would be empty when it is read for the second time.
  if (std::filesystem::exists(path, ec) && !std::filesystem::is_regular_file(path, ec)) {
    return unreadable("it is not a regular file");
  }
  Corpus corpus(path, pause_max);
  if (!corpus.file_) return unreadable(std::strerror(errno));
  while (true) {
    auto event = corpus.read();
    if (!event) return event.error();
    if (!event.value()) break;
    ++corpus.count_;
  }
  if (corpus.count_ == 0) {
    return base::Error<CorpusErrc>{CorpusErrc::kEmpty,
                                   "'" + path + "' holds no event; " + std::string(kLineForm)};
  }
  corpus.length_ = corpus.at_;
  corpus.pauses_cut_ = corpus.cut_;
  corpus.rewind();
  return corpus;
}

void Corpus::rewind() {
  file_.clear();
  file_.seekg(0);
  line_ = 0;
  last_ts_.reset();
  at_ = {};
}

void Corpus::advance(double ts) {
  const double pause_max = std::chrono::duration<double>(pause_max_).count();
  const double pause = last_ts_ ? std::max(0.0, ts - *last_ts_) : 0.0;
  if (pause > pause_max) ++cut_;
  at_ += std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double>(std::min(pause, pause_max)));
  last_ts_ = ts;
}

std::optional<CorpusEvent> Corpus::next() {
  auto event = read();
  if (!event) return std::nullopt;
  return std::move(event).value();
}

base::Result<std::optional<CorpusEvent>, CorpusErrc> Corpus::read() {
  std::string line;
  while (line.find_first_not_of(" \t\r") == std::string::npos) {
    if (!std::getline(file_, line)) return std::optional<CorpusEvent>();
    ++line_;
  }
  const auto bad = [this](const std::string& what) {
    return base::Error<CorpusErrc>{CorpusErrc::kLine, path_ + ":" + std::to_string(line_) + ": " +
                                                          what + "; " + std::string(kLineForm)};
  };
  const auto parsed = parser_->parse(line);
  if (!parsed) return bad("not JSON: " + parsed.error().detail);
  CorpusEvent event;
  const auto text = [&parsed](std::string_view name) {
    const auto member = parsed.value().member(name);
    const auto value = member ? member->as_string() : std::nullopt;
    return value ? std::string(*value) : std::string();
  };
  event.channel = text("channel");
  event.event = text("event");
  if (event.channel.empty()) return bad("member 'channel' is missing or not a text");
  if (event.event.empty()) return bad("member 'event' is missing or not a text");
  const auto data = parsed.value().member("data");
  if (!data) return bad("member 'data' is missing");
  const auto data_text = data->as_string();
  event.data = std::string(data_text ? *data_text : data->raw());
  const auto ts = parsed.value().member("ts");
  if (ts) {
    const auto seconds = ts->as_double();
    if (!seconds) return bad("member 'ts' is not a number");
    advance(*seconds);
  }
  event.at = at_;
  return std::optional<CorpusEvent>(std::move(event));
}

}  // namespace mr::cli
