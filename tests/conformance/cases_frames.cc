#include <string>

#include "conformance/case.h"

namespace mr::conformance {
namespace {

constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kBinary = 2;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;

const std::string kHello = "Hello, world!";

std::string id(std::string_view prefix, std::size_t n) {
  return std::string(prefix) + std::to_string(n);
}

// 1.1 text, 1.2 binary: every form of the length, and the last one in pieces.
void add_framing(CaseList& list) {
  constexpr std::size_t kSizes[] = {0, 125, 126, 127, 128, 65535, 65536};
  constexpr std::size_t kChop = 997;
  for (const bool is_text : {true, false}) {
    const std::string prefix = is_text ? "1.1." : "1.2.";
    const auto payload = [&](std::size_t size) {
      return std::string(size, is_text ? '*' : '\xFE');
    };
    const auto expect = [&](Case& c, std::size_t size) -> Case& {
      return is_text ? c.text(payload(size)) : c.binary(payload(size));
    };
    const std::uint8_t opcode = is_text ? kText : kBinary;
    std::size_t n = 0;
    for (std::size_t size : kSizes) {
      Case c{.id = id(prefix, ++n)};
      c.together({{.opcode = opcode, .payload = payload(size)}});
      add(list, expect(c, size));
    }
    Case c{.id = id(prefix, ++n)};
    c.chopped(kChop, {{.opcode = opcode, .payload = payload(65536)}});
    add(list, expect(c, 65536));
  }
}

void add_pings(CaseList& list) {
  const std::string bytes("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", 8);
  const std::string longest(125, '\xFE');
  add(list, Case{.id = "2.1"}.together({{.opcode = kPing}}).pong(""));
  add(list, Case{.id = "2.2"}.together({{.opcode = kPing, .payload = kHello}}).pong(kHello));
  add(list, Case{.id = "2.3"}.together({{.opcode = kPing, .payload = bytes}}).pong(bytes));
  add(list, Case{.id = "2.4"}.together({{.opcode = kPing, .payload = longest}}).pong(longest));
  add(list, Case{.id = "2.5"}
                .together({{.opcode = kPing, .payload = std::string(126, '\xFE')}})
                .fails(1002));
  add(list, Case{.id = "2.6"}.chopped(1, {{.opcode = kPing, .payload = longest}}).pong(longest));
  add(list, Case{.id = "2.7"}.together({{.opcode = kPong}}));
  add(list, Case{.id = "2.8"}.together({{.opcode = kPong, .payload = "unsolicited"}}));
  add(list, Case{.id = "2.9"}
                .together({{.opcode = kPong, .payload = "unsolicited"},
                           {.opcode = kPing, .payload = "ping"}})
                .pong("ping"));
  for (const bool octets : {false, true}) {
    Case c{.id = octets ? "2.11" : "2.10"};
    for (int i = 0; i < 10; ++i) {
      const std::string payload = "payload-" + std::to_string(i);
      c.chopped(octets ? 1 : 0, {{.opcode = kPing, .payload = payload}}).pong(payload);
    }
    add(list, c);
  }
}

void add_reserved_bits(CaseList& list) {
  add(list, Case{.id = "3.1"}.together({{.payload = kHello, .rsv = 1}}).fails(1002));
  add(list, Case{.id = "3.2"}
                .together({{.payload = kHello}, {.payload = kHello, .rsv = 2}, {.opcode = kPing}})
                .text(kHello)
                .fails(1002));
  add(list, Case{.id = "3.3"}
                .apart({{.payload = kHello}, {.payload = kHello, .rsv = 3}, {.opcode = kPing}})
                .text(kHello)
                .fails(1002));
  add(list, Case{.id = "3.4"}
                .chopped(1, {{.payload = kHello}, {.payload = kHello, .rsv = 4}, {.opcode = kPing}})
                .text(kHello)
                .fails(1002));
  add(list, Case{.id = "3.5"}
                .together({{.opcode = kBinary, .payload = "\xFE\xFE\xFE", .rsv = 5}})
                .fails(1002));
  add(list,
      Case{.id = "3.6"}.together({{.opcode = kPing, .payload = kHello, .rsv = 6}}).fails(1002));
  add(list, Case{.id = "3.7"}.together({{.opcode = kClose, .rsv = 7}}).fails(1002));
}

// 4.1 data opcodes from `first` = 3, 4.2 control opcodes from 11: alone, with a payload, and behind
// a good message.
void add_opcodes(CaseList& list, std::string_view prefix, std::uint8_t first) {
  const auto opcode = [first](int n) { return static_cast<std::uint8_t>(first + n); };
  add(list, Case{.id = id(prefix, 1)}.together({{.opcode = opcode(0)}}).fails(1002));
  add(list, Case{.id = id(prefix, 2)}
                .together({{.opcode = opcode(1), .payload = "reserved opcode payload"}})
                .fails(1002));
  add(list, Case{.id = id(prefix, 3)}
                .together({{.payload = kHello}, {.opcode = opcode(2)}, {.opcode = kPing}})
                .text(kHello)
                .fails(1002));
  add(list,
      Case{.id = id(prefix, 4)}
          .together(
              {{.payload = kHello}, {.opcode = opcode(3), .payload = kHello}, {.opcode = kPing}})
          .text(kHello)
          .fails(1002));
  add(list,
      Case{.id = id(prefix, 5)}
          .chopped(
              1, {{.payload = kHello}, {.opcode = opcode(4), .payload = kHello}, {.opcode = kPing}})
          .text(kHello)
          .fails(1002));
}

// How a sequence of frames travels: all in one, a piece per frame, a piece per octet.
enum class Pieces : std::uint8_t { kOne, kFrames, kOctets };

Case& send(Case& c, Pieces pieces, std::initializer_list<RawFrame> frames) {
  switch (pieces) {
    case Pieces::kOne:
      return c.together(frames);
    case Pieces::kFrames:
      return c.apart(frames);
    case Pieces::kOctets:
      return c.chopped(1, frames);
  }
  return c;
}

const RawFrame kFirst{.payload = "fragment1", .fin = false};
const RawFrame kLast{.opcode = 0, .payload = "fragment2"};

// 5.1 to 5.8: control frames in fragments are wrong, between fragments they are right.
void add_fragments(CaseList& list) {
  for (const std::uint8_t opcode : {kPing, kPong}) {
    add(list, Case{.id = opcode == kPing ? "5.1" : "5.2"}
                  .together({{.opcode = opcode, .payload = "fragment1", .fin = false}, kLast})
                  .fails(1002));
  }
  std::size_t n = 3;
  for (const Pieces pieces : {Pieces::kOne, Pieces::kFrames, Pieces::kOctets}) {
    Case c{.id = id("5.", n++)};
    add(list, send(c, pieces, {kFirst, kLast}).text("fragment1fragment2"));
  }
  for (const Pieces pieces : {Pieces::kOne, Pieces::kFrames, Pieces::kOctets}) {
    Case c{.id = id("5.", n++)};
    send(c, pieces, {kFirst, {.opcode = kPing, .payload = "ping payload"}, kLast});
    add(list, c.pong("ping payload").text("fragment1fragment2"));
  }
}

// 5.9 to 5.18: frames out of order.
void add_wrong_fragments(CaseList& list) {
  std::size_t n = 9;
  for (const bool fin : {true, false}) {
    for (const Pieces pieces : {Pieces::kOne, Pieces::kFrames, Pieces::kOctets}) {
      Case c{.id = id("5.", n++)};
      send(c, pieces,
           {{.opcode = 0, .payload = "nothing to continue", .fin = fin}, {.payload = kHello}});
      add(list, c.fails(1002));
    }
  }
  add(list, Case{.id = "5.15"}
                .together({kFirst,
                           kLast,
                           {.opcode = 0, .payload = "fragment3", .fin = false},
                           {.payload = "fragment4"}})
                .text("fragment1fragment2")
                .fails(1002));
  for (const bool fin : {false, true}) {
    const RawFrame stray{.opcode = 0, .payload = "fragment0", .fin = fin};
    add(list, Case{.id = fin ? "5.17" : "5.16"}
                  .together({stray, kFirst, kLast, stray, kFirst, kLast})
                  .fails(1002));
  }
  add(list, Case{.id = "5.18"}.together({kFirst, {.payload = "fragment2"}}).fails(1002));
}

// 5.19, 5.20: a ping is answered while the message around it is not complete.
void add_pings_in_message(CaseList& list) {
  for (const Pieces pieces : {Pieces::kOne, Pieces::kFrames}) {
    Case c{.id = pieces == Pieces::kOne ? "5.19" : "5.20"};
    const RawFrame second{.opcode = 0, .payload = "fragment2", .fin = false};
    const RawFrame third{.opcode = 0, .payload = "fragment3", .fin = false};
    const RawFrame fourth{.opcode = 0, .payload = "fragment4", .fin = false};
    send(c, pieces, {kFirst, second, {.opcode = kPing, .payload = "ping 1"}});
    c.then(Then::kAwaitEvents, 1);
    send(c, pieces,
         {third,
          fourth,
          {.opcode = kPing, .payload = "ping 2"},
          {.opcode = 0, .payload = "fragment5"}});
    c.pong("ping 1").pong("ping 2");
    add(list, c.text("fragment1fragment2fragment3fragment4fragment5"));
  }
}

}  // namespace

CaseList frame_cases() {
  CaseList list;
  add_framing(list);
  add_pings(list);
  add_reserved_bits(list);
  add_opcodes(list, "4.1.", 3);
  add_opcodes(list, "4.2.", 11);
  add_fragments(list);
  add_wrong_fragments(list);
  add_pings_in_message(list);
  const std::string payload(65536, '*');
  add(list, Case{.id = "10.1.1"}.fragmented({.payload = payload}, 1300).text(payload));
  return list;
}

}  // namespace mr::conformance
