#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "support/ws_bytes.h"
#include "support/ws_recording.h"

namespace mr::conformance {

using test::RawFrame;

// What the runner does after it sent the bytes of a step.
enum class Then : std::uint8_t {
  kGoOn,
  kAwaitEvents,  // until `events` answers came in all
  kExpectOpen,   // the peer must not answer or close
  kAwaitClose,   // the peer must close now; later steps are not sent
};

struct Step {
  std::string bytes;
  std::size_t chop = 0;  // pieces of that size, 0: all at once
  Then then = Then::kGoOn;
  std::size_t events = 0;
};

enum class Closing : std::uint8_t {
  kByRunner,  // the runner closes with 1000 when all answers came, the peer answers 1000
  kByPeer,    // the peer fails the connection
  kByCase,    // the steps hold a close frame
};

inline constexpr int kNoCode = -1;

// One exchange with an echo server, with the numbering of the Autobahn test suite: what to send and
// what must come back. The builder functions add to it and return it.
struct Case {
  std::string id;
  std::vector<Step> steps = {};
  std::vector<test::WsEvent> expected = {};  // messages and pongs, in order
  Closing closing = Closing::kByRunner;
  std::vector<int> close_codes = {1000};  // what the peer's close frame may carry

  Case& together(std::initializer_list<RawFrame> frames);  // one piece
  Case& apart(std::initializer_list<RawFrame> frames);     // a piece per frame
  Case& chopped(std::size_t size, std::initializer_list<RawFrame> frames);
  Case& bytes(std::string bytes, std::size_t chop = 0);
  Case& fragmented(const RawFrame& whole, std::size_t fragment_bytes);  // one piece
  Case& then(Then what, std::size_t events = 0);                        // of the last step

  Case& text(std::string payload);
  Case& binary(std::string payload);
  Case& pong(std::string payload);
  Case& fails(int code);
  Case& closed_by_case(std::vector<int> codes);
};

// A masked frame: as test::raw_frame, but fast for megabytes.
std::string client_frame(const RawFrame& frame);

// Built when it runs: those of group 9 are large.
struct CaseEntry {
  std::string id;
  std::function<Case()> make;
};

using CaseList = std::vector<CaseEntry>;

void add(CaseList& list, Case c);

CaseList frame_cases();  // groups 1 to 5 and 10: framing, pings, reserved bits, fragments
CaseList utf8_cases();   // group 6
CaseList close_cases();  // group 7
CaseList limit_cases();  // group 9: sizes up to 16 MiB

// All 301, in the order of their groups.
CaseList all_cases();

}  // namespace mr::conformance
