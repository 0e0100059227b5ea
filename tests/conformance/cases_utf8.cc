#include <string>
#include <string_view>
#include <vector>

#include "conformance/case.h"

namespace mr::conformance {
namespace {

// "kosme" with its Greek accents: 2- and 3-byte characters.
constexpr std::string_view kKosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
constexpr std::string_view kSurrogate = "\xED\xA0\x80";
constexpr std::string_view kTooHigh = "\xF4\x90\x80\x80";  // U+110000
constexpr std::string_view kTail = "edited";

struct Sequence {
  bool valid;
  std::string bytes;
};

using Sequences = std::vector<Sequence>;

// 6.1: empty fragments. 6.2: good text in one frame, cut between and within characters.
void add_fragmented(CaseList& list) {
  add(list, Case{.id = "6.1.1"}.together({{}}).text(""));
  add(list, Case{.id = "6.1.2"}
                .together({{.fin = false}, {.opcode = 0, .fin = false}, {.opcode = 0}})
                .text(""));
  add(list, Case{.id = "6.1.3"}
                .together({{.fin = false},
                           {.opcode = 0, .payload = "middle frame payload", .fin = false},
                           {.opcode = 0}})
                .text("middle frame payload"));
  const std::string left = "Hello-µ@ßöä";
  const std::string right = "üàá-UTF-8!!";
  const std::string whole = left + right;
  const std::string kosme(kKosme);
  add(list, Case{.id = "6.2.1"}.together({{.payload = whole}}).text(whole));
  add(list, Case{.id = "6.2.2"}
                .together({{.payload = left, .fin = false}, {.opcode = 0, .payload = right}})
                .text(whole));
  add(list, Case{.id = "6.2.3"}.fragmented({.payload = whole}, 1).text(whole));
  add(list, Case{.id = "6.2.4"}.fragmented({.payload = kosme}, 1).text(kosme));
  const std::string bad = kosme + std::string(kSurrogate) + std::string(kTail);
  add(list, Case{.id = "6.3.1"}.together({{.payload = bad}}).fails(1007));
  add(list, Case{.id = "6.3.2"}.fragmented({.payload = bad}, 1).fails(1007));
}

// 6.4: the connection fails with the byte that breaks the text, not at the end of the message. The
// text comes in three parts: as frames (6.4.1, 6.4.2) or as pieces of one frame (6.4.3, 6.4.4).
void add_fail_fast(CaseList& list) {
  const std::string text = std::string(kKosme) + std::string(kTooHigh) + std::string(kTail);
  constexpr std::size_t kHeaderBytes = 6;
  // After the good characters, and after the byte before the one that breaks.
  const std::pair<std::size_t, std::size_t> cuts[] = {{kKosme.size(), kKosme.size() + 4},
                                                      {kKosme.size() + 1, kKosme.size() + 2}};
  std::size_t n = 1;
  for (const auto& [first, second] : cuts) {
    Case c{.id = "6.4." + std::to_string(n++)};
    c.apart({{.payload = text.substr(0, first), .fin = false}}).then(Then::kExpectOpen);
    c.apart({{.opcode = 0, .payload = text.substr(first, second - first), .fin = false}});
    c.then(Then::kAwaitClose);
    c.apart({{.opcode = 0, .payload = text.substr(second)}});
    add(list, c.fails(1007));
  }
  for (const auto& [first, second] : cuts) {
    const std::string frame = client_frame({.payload = text});
    Case c{.id = "6.4." + std::to_string(n++)};
    c.bytes(frame.substr(0, kHeaderBytes + first)).then(Then::kExpectOpen);
    c.bytes(frame.substr(kHeaderBytes + first, second - first)).then(Then::kAwaitClose);
    c.bytes(frame.substr(kHeaderBytes + second));
    add(list, c.fails(1007));
  }
}

std::string bytes(std::string_view text) { return std::string(text); }

Sequences valid(std::initializer_list<std::string_view> texts) {
  Sequences out;
  for (std::string_view text : texts) out.push_back({true, bytes(text)});
  return out;
}

Sequences invalid(std::initializer_list<std::string_view> texts) {
  Sequences out;
  for (std::string_view text : texts) out.push_back({false, bytes(text)});
  return out;
}

// The prefixes of "kosme": good where they end with a character.
Sequences prefixes() {
  Sequences out;
  for (std::size_t size = 1; size <= kKosme.size(); ++size) {
    const bool ends = size == kKosme.size() || (kKosme[size] & 0xC0) != 0x80;
    out.push_back({ends, bytes(kKosme.substr(0, size))});
  }
  return out;
}

Sequences stray_tails() {
  Sequences out = invalid({"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80", "\x80\xBF\x80\xBF",
                           "\x80\xBF\x80\xBF\x80", "\x80\xBF\x80\xBF\x80\xBF"});
  std::string all;
  for (int b = 0x80; b < 0xBF; ++b) all.push_back(static_cast<char>(b));
  out.push_back({false, all});
  return out;
}

// First bytes of sequences of 2 to 6, each followed by a space.
Sequences lonely_leads() {
  constexpr std::pair<int, int> kRanges[] = {
      {0xC0, 0xDF}, {0xE0, 0xEF}, {0xF0, 0xF7}, {0xF8, 0xFB}, {0xFC, 0xFD}};
  Sequences out;
  for (const auto& [from, to] : kRanges) {
    std::string text;
    for (int b = from; b < to; ++b) {
      text.push_back(static_cast<char>(b));
      text.push_back(' ');
    }
    out.push_back({false, text});
  }
  return out;
}

// Sequences of 2 to 6 bytes without their last one: the smallest, then the largest.
Sequences cut_sequences() {
  return invalid({"\xC0", "\xE0\x80", "\xF0\x80\x80", "\xF8\x80\x80\x80", "\xFC\x80\x80\x80\x80",
                  "\xDF", "\xEF\xBF", "\xF7\xBF\xBF", "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"});
}

Sequences joined_cut_sequences() {
  std::string all;
  for (const Sequence& s : cut_sequences()) all += s.bytes;
  return {{false, all}};
}

// The last two code points of each plane are no characters, but valid UTF-8.
Sequences non_characters() {
  Sequences out = valid({"\xEF\xBF\xBE", "\xEF\xBF\xBF"});
  for (int plane = 1; plane <= 16; ++plane) {
    for (int low : {0xFFFE, 0xFFFF}) {
      const int point = plane << 16 | low;
      out.push_back(
          {true,
           {static_cast<char>(0xF0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 0x3F)),
            static_cast<char>(0x80 | (point >> 6 & 0x3F)),
            static_cast<char>(0x80 | (point & 0x3F))}});
    }
  }
  return out;
}

Sequences concat(Sequences a, const Sequences& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// 6.5 to 6.23, one list each: the classic decoder stress test, one message per sequence.
std::vector<Sequences> stress_groups() {
  return {
      valid({"hello\x24world", "hello\xC2\xA2world", "hello\xE2\x82\xACworld",
             "hello\xF0\xA4\xAD\xA2world", kKosme}),                                       // 6.5
      prefixes(),                                                                          // 6.6
      valid({std::string_view("\0", 1), "\xC2\x80", "\xE0\xA0\x80", "\xF0\x90\x80\x80"}),  // 6.7
      invalid({"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}),                       // 6.8
      valid({"\x7F", "\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}),                     // 6.9
      invalid({"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"}),   // 6.10
      concat(valid({"\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}),
             invalid({kTooHigh})),                    // 6.11
      stray_tails(),                                  // 6.12
      lonely_leads(),                                 // 6.13
      cut_sequences(),                                // 6.14
      joined_cut_sequences(),                         // 6.15
      invalid({"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}),  // 6.16
      invalid({"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF",
               "\xFC\x80\x80\x80\x80\xAF"}),  // 6.17
      invalid({"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF",
               "\xFC\x83\xBF\xBF\xBF\xBF"}),  // 6.18
      invalid({"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80",
               "\xFC\x80\x80\x80\x80\x80"}),  // 6.19
      invalid({"\xED\xA0\x80", "\xED\xAD\xBF", "\xED\xAE\x80", "\xED\xAF\xBF", "\xED\xB0\x80",
               "\xED\xBE\x80", "\xED\xBF\xBF"}),  // 6.20
      invalid({"\xED\xA0\x80\xED\xB0\x80", "\xED\xA0\x80\xED\xBF\xBF", "\xED\xAD\xBF\xED\xB0\x80",
               "\xED\xAD\xBF\xED\xBF\xBF", "\xED\xAE\x80\xED\xB0\x80", "\xED\xAE\x80\xED\xBF\xBF",
               "\xED\xAF\xBF\xED\xB0\x80", "\xED\xAF\xBF\xED\xBF\xBF"}),  // 6.21
      non_characters(),                                                   // 6.22
      valid({"\xEF\xBF\xB9", "\xEF\xBF\xBA", "\xEF\xBF\xBB", "\xEF\xBF\xBC", "\xEF\xBF\xBD",
             "\xEF\xBF\xBE", "\xEF\xBF\xBF"}),  // 6.23
  };
}

}  // namespace

CaseList utf8_cases() {
  CaseList list;
  add_fragmented(list);
  add_fail_fast(list);
  std::size_t group = 5;
  for (const Sequences& sequences : stress_groups()) {
    std::size_t n = 1;
    for (const Sequence& s : sequences) {
      Case c{.id = "6." + std::to_string(group) + "." + std::to_string(n++)};
      c.together({{.payload = s.bytes}});
      add(list, s.valid ? c.text(s.bytes) : c.fails(1007));
    }
    ++group;
  }
  return list;
}

}  // namespace mr::conformance
