#include <string>

#include "conformance/case.h"

namespace mr::conformance {
namespace {

constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;

const std::string kHello = "Hello World!";

RawFrame close(int code, std::string_view reason = {}) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload += reason;
  return {.opcode = kClose, .payload = payload};
}

// 7.1: what comes behind a close frame is ignored.
void add_order(CaseList& list) {
  add(list, Case{.id = "7.1.1"}
                .together({{.payload = kHello}, close(1000)})
                .text(kHello)
                .closed_by_case({1000}));
  add(list, Case{.id = "7.1.2"}.together({close(1000), close(1000)}).closed_by_case({1000}));
  add(list, Case{.id = "7.1.3"}.together({close(1000), {.opcode = kPing}}).closed_by_case({1000}));
  add(list,
      Case{.id = "7.1.4"}.together({close(1000), {.payload = kHello}}).closed_by_case({1000}));
  add(list, Case{.id = "7.1.5"}
                .together({{.payload = "fragment1", .fin = false},
                           close(1000),
                           {.opcode = 0, .payload = "fragment2"}})
                .closed_by_case({1000}));
  const std::string large(256 * 1024, '*');
  add(list, Case{.id = "7.1.6"}
                .together({{.payload = large}, {.payload = kHello}, close(1000), {.opcode = kPing}})
                .text(large)
                .text(kHello)
                .closed_by_case({1000}));
}

// 7.3: lengths of the close frame. 7.5: its text.
void add_payloads(CaseList& list) {
  add(list, Case{.id = "7.3.1"}.together({{.opcode = kClose}}).closed_by_case({kNoCode, 1000}));
  add(list,
      Case{.id = "7.3.2"}.together({{.opcode = kClose, .payload = "a"}}).closed_by_case({1002}));
  add(list, Case{.id = "7.3.3"}.together({close(1000)}).closed_by_case({1000}));
  add(list, Case{.id = "7.3.4"}.together({close(1000, kHello)}).closed_by_case({1000}));
  add(list,
      Case{.id = "7.3.5"}.together({close(1000, std::string(123, '*'))}).closed_by_case({1000}));
  add(list,
      Case{.id = "7.3.6"}.together({close(1000, std::string(124, '*'))}).closed_by_case({1002}));
  const std::string surrogate =
      "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
      "edited";
  add(list, Case{.id = "7.5.1"}.together({close(1000, surrogate)}).closed_by_case({1007, 1002}));
}

// 7.7: good codes, answered with themselves or 1000. 7.9: codes that may not be sent. 7.13: codes
// outside of all ranges; the standard leaves the answer open, ours is the one for 7.9.
void add_codes(CaseList& list) {
  std::size_t n = 1;
  for (int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}) {
    add(list, Case{.id = "7.7." + std::to_string(n++)}
                  .together({close(code)})
                  .closed_by_case({code, 1000}));
  }
  n = 1;
  for (int code : {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999}) {
    add(list,
        Case{.id = "7.9." + std::to_string(n++)}.together({close(code)}).closed_by_case({1002}));
  }
  n = 1;
  for (int code : {5000, 65535}) {
    add(list, Case{.id = "7.13." + std::to_string(n++)}
                  .together({close(code)})
                  .closed_by_case({1002, 1000}));
  }
}

}  // namespace

CaseList close_cases() {
  CaseList list;
  add_order(list);
  add_payloads(list);
  add_codes(list);
  return list;
}

}  // namespace mr::conformance
