#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "conformance/runner.h"

namespace mr::conformance {

struct Target {
  std::string host;  // numeric or a name
  std::uint16_t port = 0;
  std::string path;
};

enum class ConnectErrc : std::uint8_t { kResolve, kConnect, kHandshake };

// A Transport over TCP, after the WebSocket handshake. Blocks its thread, always with a deadline.
// While it cannot write it reads, so that an echo of megabytes cannot lock both sides.
class SocketTransport final : public Transport {
 public:
  static base::Result<std::unique_ptr<SocketTransport>, ConnectErrc> connect(const Target& target,
                                                                             base::Random& random);
  ~SocketTransport() override;
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  bool send(std::string_view bytes) override;
  Got receive(std::string& into, std::chrono::milliseconds patience) override;

 private:
  explicit SocketTransport(int fd) : fd_(fd) {}
  base::Result<base::Done, ConnectErrc> handshake(const Target& target, base::Random& random);
  void read_available();

  int fd_;
  std::string received_;  // read, not yet given out
  bool ended_ = false;
};

}  // namespace mr::conformance
