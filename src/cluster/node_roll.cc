#include "cluster/node_roll.h"

#include <algorithm>

#include "base/percent.h"
#include "cluster/record_words.h"

namespace mr::cluster {
namespace {

bool parse_node(RecordWords& words, NodeRoll& roll) {
  RollLine line;
  const auto boot = words.boot();
  const auto epoch = words.number(), since = words.number(), beat = words.number();
  const auto name = words.word();
  if (!boot || !epoch || !since || !beat || !name) return false;
  auto decoded = base::percent_decode(*name);
  if (!decoded || *since > *epoch || *epoch > roll.epoch) return false;
  if (roll.find(*boot) != nullptr || roll.lines.size() >= NodeRoll::kLinesMax) return false;
  roll.lines.push_back({*boot, *epoch, *since, *beat, *std::move(decoded)});
  return true;
}

bool parse_end(RecordWords& words, bool has_left, NodeRoll& roll) {
  const auto boot = words.boot();
  const auto epoch = words.number();
  if (!boot || !epoch || roll.ends.size() >= NodeRoll::kEndsMax) return false;
  roll.ends.push_back({*boot, *epoch, has_left});
  return true;
}

bool parse_open(RecordWords& words, NodeRoll& roll) {
  while (!words.is_done()) {
    const auto life = words.number();
    if (!life || *life == 0 || roll.open.size() >= NodeRoll::kLivesMax) return false;
    roll.open.push_back(StoreLife{*life});
  }
  return true;
}

bool parse_line(std::string_view line, NodeRoll& roll) {
  RecordWords words(line);
  const std::string_view kind = words.word().value_or("");
  bool is_good = false;
  if (kind == "node") is_good = parse_node(words, roll);
  if (kind == "left" || kind == "dead") is_good = parse_end(words, kind == "left", roll);
  if (kind == "open") is_good = parse_open(words, roll);
  return is_good && words.is_done();
}

}  // namespace

const RollLine* NodeRoll::find(BootId boot) const {
  const auto found = std::ranges::find(lines, boot, &RollLine::boot);
  return found == lines.end() ? nullptr : &*found;
}

RollLine* NodeRoll::find(BootId boot) {
  const auto found = std::ranges::find(lines, boot, &RollLine::boot);
  return found == lines.end() ? nullptr : &*found;
}

void NodeRoll::end(BootId boot, bool has_left) {
  const RollLine* const line = find(boot);
  if (line == nullptr) return;
  if (ends.size() >= kEndsMax) ends.erase(ends.begin());
  ends.push_back({boot, line->epoch, has_left});
  std::erase_if(lines, [boot](const RollLine& other) { return other.boot == boot; });
}

bool NodeRoll::is_open(StoreLife life) const { return std::ranges::find(open, life) != open.end(); }

void NodeRoll::set_open(StoreLife life) {
  if (is_open(life)) return;
  if (open.size() >= kLivesMax) open.erase(open.begin());
  open.push_back(life);
}

bool NodeRoll::is_held(BootId boot, std::uint64_t of) const {
  if (of > epoch) return true;
  const RollLine* const line = find(boot);
  return line != nullptr && of >= line->since;
}

std::string encode_roll(const NodeRoll& roll) {
  std::string text = "roll 1 " + std::to_string(roll.epoch);
  if (!roll.open.empty()) text += "\nopen";
  for (const StoreLife life : roll.open) {
    text += " " + std::to_string(static_cast<std::uint64_t>(life));
  }
  for (const RollLine& line : roll.lines) {
    text += "\nnode " + boot_text(line.boot) + " " + std::to_string(line.epoch) + " " +
            std::to_string(line.since) + " " + std::to_string(line.beat) + " " +
            base::percent_encode(line.name);
  }
  for (const RollEnd& end : roll.ends) {
    text += (end.has_left ? "\nleft " : "\ndead ") + boot_text(end.boot) + " " +
            std::to_string(end.epoch);
  }
  return text;
}

std::optional<NodeRoll> parse_roll(std::string_view text) {
  NodeRoll roll;
  if (text.empty()) return roll;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (is_first) {
      RecordWords words(line);
      if (words.word() != "roll" || words.number() != 1U) return std::nullopt;
      const auto epoch = words.number();
      if (!epoch || !words.is_done()) return std::nullopt;
      roll.epoch = *epoch;
      is_first = false;
    } else if (!parse_line(line, roll)) {
      return std::nullopt;
    }
  }
  return roll;
}

}  // namespace mr::cluster
