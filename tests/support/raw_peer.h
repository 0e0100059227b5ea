#pragma once

#include <string>
#include <utility>

#include "net/loop.h"

namespace mr::test {

// A raw TCP client on a simulated loop: writes bytes, keeps what it reads.
class RawPeer final : public net::SocketEvents {
 public:
  RawPeer(net::Loop& loop, const net::Address& address) : loop_(loop) {
    socket_ = loop_.connect(address, *this).value();
  }
  ~RawPeer() {
    if (socket_ != net::SocketHandle::kNone) loop_.close(socket_);
  }

  void send(std::string bytes) {
    out_ += std::move(bytes);
    if (can_write_) flush();
  }
  void end() { loop_.shutdown_write(socket_); }
  void set_reading(bool reading) { reading_ = reading; }
  // From now on the end of the stream is only noted, its own side stays open.
  void stay_open() { stays_open_ = true; }

  void on_ready(net::Ready ready) override {
    if (ready.readable && reading_) read();
    if (socket_ == net::SocketHandle::kNone) return;
    if (ready.hangup) return drop();
    if (ready.writable) {
      can_write_ = true;
      flush();
    }
  }

  std::string got;
  bool ended = false;   // the stream has ended
  bool closed = false;  // so has our side

 private:
  void read() {
    while (true) {
      const auto buffer = loop_.read_buffer();
      const net::IoResult result = loop_.read(socket_, buffer);
      if (result.status == net::IoStatus::kBlocked) return;
      if (result.status == net::IoStatus::kClosed) {
        ended = true;
        if (!stays_open_) drop();
        return;
      }
      got.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
  }
  void flush() {
    while (!out_.empty()) {
      const iovec part{out_.data(), out_.size()};
      const net::IoResult result = loop_.write(socket_, std::span(&part, 1));
      if (result.status == net::IoStatus::kClosed) return drop();
      if (result.status == net::IoStatus::kBlocked) {
        can_write_ = false;
        return;
      }
      out_.erase(0, result.bytes);
    }
  }
  void drop() {
    ended = closed = true;
    if (socket_ != net::SocketHandle::kNone) {
      loop_.close(std::exchange(socket_, net::SocketHandle::kNone));
    }
  }

  net::Loop& loop_;
  net::SocketHandle socket_;
  bool can_write_ = false;
  bool reading_ = true;
  bool stays_open_ = false;
  std::string out_;
};

}  // namespace mr::test
