#include "conformance/runner.h"

#include <algorithm>

#include "ws/receiver.h"

namespace mr::conformance {
namespace {

using Failure = std::optional<std::string>;

constexpr std::size_t kAnswerBytesMax = 64 << 20;

std::string shown(const test::WsEvent& event) {
  std::string out = "opcode " + std::to_string(static_cast<int>(event.kind)) + " of " +
                    std::to_string(event.payload.size()) + " bytes";
  if (event.payload.size() <= 40) out += " \"" + event.payload + "\"";
  return out;
}

class Run {
 public:
  Run(const Case& c, Transport& transport, Patience patience)
      : case_(c),
        transport_(transport),
        patience_(patience),
        receiver_(ws::Role::kClient, {.message_bytes_max = kAnswerBytesMax}) {}

  Failure run() {
    for (const Step& step : case_.steps) {
      if (auto why = run_step(step)) return why;
      if (step.then == Then::kAwaitClose) break;
    }
    if (auto why = finish()) return why;
    return compare();
  }

 private:
  Failure run_step(const Step& step) {
    const std::size_t size = step.chop == 0 ? step.bytes.size() : step.chop;
    for (std::size_t at = 0; at < step.bytes.size(); at += size) {
      // A peer that has failed the connection may be gone: what it answered decides.
      if (!transport_.send(std::string_view(step.bytes).substr(at, size))) break;
    }
    switch (step.then) {
      case Then::kGoOn:
        return std::nullopt;
      case Then::kAwaitEvents:
        return await_events(step.events);
      case Then::kExpectOpen:
        return expect_open();
      case Then::kAwaitClose:
        return await_close();
    }
    return std::nullopt;
  }

  // False when nothing (more) comes.
  bool pump(std::chrono::milliseconds patience) {
    std::string bytes;
    const Got got = transport_.receive(bytes, patience);
    stream_ended_ = got == Got::kClosed;
    if (got == Got::kBytes) receiver_.consume(std::as_writable_bytes(std::span(bytes)), sink_);
    return got == Got::kBytes;
  }

  bool is_closed() const { return receiver_.status().state == ws::ReceiverState::kClosed; }

  Failure await_events(std::size_t count) {
    while (sink_.events.size() < count && !is_closed()) {
      if (!pump(patience_.answer)) break;
    }
    if (sink_.events.size() >= count) return check_receiver();
    return "expected " + std::to_string(count) + " answers, got " +
           std::to_string(sink_.events.size()) + (stream_ended_ ? ", then the stream ended" : "");
  }

  Failure expect_open() {
    const std::size_t before = sink_.events.size();
    while (pump(patience_.quiet)) {
    }
    if (stream_ended_ || is_closed()) return "closed too early";
    if (sink_.events.size() != before) return "answered too early: " + shown(sink_.events.back());
    return check_receiver();
  }

  Failure await_close() {
    while (!is_closed()) {
      if (!pump(patience_.answer)) break;
    }
    if (is_closed()) return std::nullopt;
    if (auto why = check_receiver()) return why;
    return stream_ended_ ? "the stream ended without a close frame" : "no close frame came";
  }

  Failure check_receiver() const {
    if (receiver_.status().state != ws::ReceiverState::kFailed) return std::nullopt;
    return "broken answer: " + std::string(ws::describe(receiver_.status().error));
  }

  // The closing handshake, and the end of the stream behind it, which is the server's part.
  Failure finish() {
    if (case_.closing == Closing::kByRunner) {
      if (auto why = await_events(case_.expected.size())) return why;
      transport_.send(ws::masked_close_frame(1000, {}, test::kTestKey));
    }
    if (auto why = await_close()) return why;
    if (case_.closing == Closing::kByPeer) {
      const std::uint16_t code = sink_.events.back().code.value_or(1000);
      transport_.send(ws::masked_close_frame(code, {}, test::kTestKey));
    }
    while (pump(patience_.answer)) {
    }
    return stream_ended_ ? Failure() : "the stream stayed open behind the close frames";
  }

  Failure compare() const {
    const auto& close = sink_.events.back();
    const int code = close.code ? *close.code : kNoCode;
    if (std::find(case_.close_codes.begin(), case_.close_codes.end(), code) ==
        case_.close_codes.end()) {
      return "closed with " + std::to_string(code) + ", expected " +
             std::to_string(case_.close_codes.front());
    }
    const std::size_t answers = sink_.events.size() - 1;
    for (std::size_t i = 0; i < std::min(answers, case_.expected.size()); ++i) {
      if (sink_.events[i] == case_.expected[i]) continue;
      return "answer " + std::to_string(i + 1) + " is " + shown(sink_.events[i]) + ", expected " +
             shown(case_.expected[i]);
    }
    if (answers == case_.expected.size()) return std::nullopt;
    return std::to_string(answers) + " answers, expected " + std::to_string(case_.expected.size());
  }

  const Case& case_;
  Transport& transport_;
  Patience patience_;
  ws::Receiver receiver_;
  test::RecordingSink sink_;
  bool stream_ended_ = false;
};

}  // namespace

std::optional<std::string> run_case(const Case& c, Transport& transport, Patience patience) {
  return Run(c, transport, patience).run();
}

}  // namespace mr::conformance
