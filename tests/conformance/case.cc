#include "conformance/case.h"

#include <algorithm>
#include <utility>

#include "ws/frame.h"

namespace mr::conformance {

std::string client_frame(const RawFrame& frame) {
  if (!frame.masked) return test::raw_frame(frame);
  RawFrame bare = frame;
  bare.masked = false;
  std::string out = test::raw_frame(bare);
  const std::size_t header = out.size() - frame.payload.size();
  out[1] = static_cast<char>(out[1] | '\x80');
  ws::apply_mask(std::as_writable_bytes(std::span(out)).subspan(header), test::kTestKey);
  std::string key;
  for (std::byte b : test::kTestKey) key.push_back(static_cast<char>(b));
  out.insert(header, key);
  return out;
}

Case& Case::together(std::initializer_list<RawFrame> frames) { return chopped(0, frames); }

Case& Case::apart(std::initializer_list<RawFrame> frames) {
  for (const RawFrame& frame : frames) bytes(client_frame(frame));
  return *this;
}

Case& Case::chopped(std::size_t size, std::initializer_list<RawFrame> frames) {
  std::string all;
  for (const RawFrame& frame : frames) all += client_frame(frame);
  return bytes(std::move(all), size);
}

Case& Case::bytes(std::string what, std::size_t chop) {
  steps.push_back({std::move(what), chop, Then::kGoOn, 0});
  return *this;
}

Case& Case::fragmented(const RawFrame& whole, std::size_t fragment_bytes) {
  std::string all;
  std::size_t at = 0;
  do {
    RawFrame part{.payload = whole.payload.substr(at, fragment_bytes)};
    part.opcode = at == 0 ? whole.opcode : std::uint8_t{0};
    at += part.payload.size();
    part.fin = at == whole.payload.size();
    all += client_frame(part);
  } while (at < whole.payload.size());
  return bytes(std::move(all));
}

Case& Case::then(Then what, std::size_t events) {
  steps.back().then = what;
  steps.back().events = events;
  return *this;
}

Case& Case::text(std::string payload) {
  expected.push_back({ws::Opcode::kText, std::move(payload), {}});
  return *this;
}

Case& Case::binary(std::string payload) {
  expected.push_back({ws::Opcode::kBinary, std::move(payload), {}});
  return *this;
}

Case& Case::pong(std::string payload) {
  expected.push_back({ws::Opcode::kPong, std::move(payload), {}});
  return *this;
}

Case& Case::fails(int code) {
  closing = Closing::kByPeer;
  close_codes = {code};
  return *this;
}

Case& Case::closed_by_case(std::vector<int> codes) {
  closing = Closing::kByCase;
  close_codes = std::move(codes);
  return *this;
}

void add(CaseList& list, Case c) {
  std::string id = c.id;
  list.push_back({std::move(id), [c = std::move(c)] { return c; }});
}

CaseList all_cases() {
  CaseList all = frame_cases();
  const auto group_ten = std::find_if(
      all.begin(), all.end(), [](const CaseEntry& entry) { return entry.id.starts_with("10."); });
  CaseList rest;
  for (CaseList part : {utf8_cases(), close_cases(), limit_cases()}) {
    std::move(part.begin(), part.end(), std::back_inserter(rest));
  }
  all.insert(group_ten, std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return all;
}

}  // namespace mr::conformance
