#include "cli/corpus.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace mr::cli {
namespace {

constexpr std::size_t kLineBytesMax = 16 << 20;

}  // namespace

Corpus::Corpus(const std::string& path)
    : path_(path), file_(path), parser_(std::make_unique<json::Parser>(kLineBytesMax)) {}

base::Result<Corpus, CorpusErrc> Corpus::open(const std::string& path) {
  Corpus corpus(path);
  std::error_code ec;
  if (!corpus.file_ || std::filesystem::is_directory(path, ec)) {
    return base::Error<CorpusErrc>{CorpusErrc::kOpen, "cannot read '" + path +
                                                          "': " + std::strerror(errno) +
                                                          "; name a file of one event a line"};
  }
  while (true) {
    auto event = corpus.read();
    if (!event) return event.error();
    if (!event.value()) break;
    ++corpus.count_;
  }
  corpus.file_.clear();
  corpus.file_.seekg(0);
  corpus.line_ = 0;
  return corpus;
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
    return base::Error<CorpusErrc>{CorpusErrc::kLine,
                                   path_ + ":" + std::to_string(line_) + ": " + what};
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
  if (ts) event.ts = ts->as_double().value_or(0);
  return std::optional<CorpusEvent>(std::move(event));
}

}  // namespace mr::cli
