#include <string>
#include <string_view>

#include "conformance/case.h"

namespace mr::conformance {
namespace {

constexpr std::size_t kKi = 1024;
constexpr std::size_t kMi = 1024 * 1024;

// A pattern of odd length, so that a shifted or lost piece shows. The binary one is no UTF-8.
std::string payload(std::size_t size, bool is_text) {
  constexpr std::string_view kTextPattern = "0123456789 abcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view kBinaryPattern = "\xFE\x01\xFF\x80\xC0 binary pattern";
  const std::string_view pattern = is_text ? kTextPattern : kBinaryPattern;
  std::string out;
  out.reserve(size + pattern.size());
  while (out.size() < size) out += pattern;
  out.resize(size);
  return out;
}

std::uint8_t opcode(bool is_text) { return is_text ? 1 : 2; }

Case& echoed(Case& c, std::string bytes, bool is_text) {
  return is_text ? c.text(std::move(bytes)) : c.binary(std::move(bytes));
}

// A message of `size` bytes in one frame, in pieces of `chop` bytes or whole.
Case one_frame(const std::string& id, std::size_t size, std::size_t chop, bool is_text) {
  Case c{.id = id};
  const std::string bytes = payload(size, is_text);
  c.chopped(chop, {{.opcode = opcode(is_text), .payload = bytes}});
  return echoed(c, bytes, is_text);
}

Case in_fragments(const std::string& id, std::size_t fragment, bool is_text) {
  Case c{.id = id};
  const std::string bytes = payload(4 * kMi, is_text);
  c.fragmented({.opcode = opcode(is_text), .payload = bytes}, fragment);
  return echoed(c, bytes, is_text);
}

// Each message is sent when the one before was echoed.
Case round_trips(const std::string& id, std::size_t size, bool is_text) {
  constexpr std::size_t kMessages = 1000;
  Case c{.id = id};
  const std::string bytes = payload(size, is_text);
  const std::string frame = client_frame({.opcode = opcode(is_text), .payload = bytes});
  for (std::size_t i = 1; i <= kMessages; ++i) {
    c.bytes(frame).then(Then::kAwaitEvents, i);
    echoed(c, bytes, is_text);
  }
  return c;
}

// Subgroups come in pairs: text (odd), binary (even).
std::string id_of(int text_subgroup, bool is_text, std::size_t n) {
  return "9." + std::to_string(is_text ? text_subgroup : text_subgroup + 1) + "." +
         std::to_string(n);
}

void add_sizes(CaseList& list, bool is_text) {
  std::size_t n = 1;
  for (std::size_t size : {64 * kKi, 256 * kKi, kMi, 4 * kMi, 8 * kMi, 16 * kMi}) {
    const std::string id = id_of(1, is_text, n++);
    list.push_back({id, [=] { return one_frame(id, size, 0, is_text); }});
  }
}

void add_fragments(CaseList& list, bool is_text) {
  std::size_t n = 1;
  for (std::size_t fragment = 64; fragment <= 4 * kMi; fragment *= 4) {
    const std::string id = id_of(3, is_text, n++);
    list.push_back({id, [=] { return in_fragments(id, fragment, is_text); }});
  }
}

void add_chops(CaseList& list, bool is_text) {
  std::size_t n = 1;
  for (std::size_t chop = 64; chop <= 2048; chop *= 2) {
    const std::string id = id_of(5, is_text, n++);
    list.push_back({id, [=] { return one_frame(id, kMi, chop, is_text); }});
  }
}

void add_round_trips(CaseList& list, bool is_text) {
  std::size_t n = 1;
  for (std::size_t size : {0UL, 16UL, 64UL, 256UL, 1024UL, 4096UL}) {
    const std::string id = id_of(7, is_text, n++);
    list.push_back({id, [=] { return round_trips(id, size, is_text); }});
  }
}

}  // namespace

CaseList limit_cases() {
  CaseList list;
  for (const auto add_subgroup : {add_sizes, add_fragments, add_chops, add_round_trips}) {
    for (const bool is_text : {true, false}) add_subgroup(list, is_text);
  }
  return list;
}

}  // namespace mr::conformance
