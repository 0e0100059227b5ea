#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/hub.h"

namespace mr::hub {

class StillClock final : public base::Clock {
 public:
  base::TimePoint now() const override { return {}; }
  base::WallTime wall_now() const override { return {}; }
};

// Sockets that take as much as the test allows.
class TestWire final : public Wire {
 public:
  WriteResult write(std::uint32_t socket, std::span<const iovec> parts) override {
    ++writes;
    if (broken.contains(socket)) return {WriteStatus::kClosed, 0};
    std::size_t room = rooms.contains(socket) ? rooms[socket] : SIZE_MAX;
    if (room == 0) return {WriteStatus::kBlocked, 0};
    std::size_t taken = 0;
    for (const iovec& part : parts) {
      const std::size_t n = std::min(part.iov_len, room - taken);
      got[socket].append(static_cast<const char*>(part.iov_base), n);
      taken += n;
    }
    if (rooms.contains(socket)) rooms[socket] -= taken;
    return {WriteStatus::kOk, taken};
  }

  std::size_t unsent_bytes(std::uint32_t socket) const override {
    return unsent.contains(socket) ? unsent.at(socket) : 0;
  }

  std::map<std::uint32_t, std::string> got;
  std::map<std::uint32_t, std::size_t> unsent;
  std::map<std::uint32_t, std::size_t> rooms;
  std::map<std::uint32_t, bool> broken;
  int writes = 0;
};

class TestEvents final : public OutletEvents {
 public:
  void on_outlet_slow(OutletId outlet) override { slow.push_back(outlet); }
  void on_outlet_broken(OutletId outlet) override { broken.push_back(outlet); }
  std::vector<OutletId> slow;
  std::vector<OutletId> broken;
};

class HubTest : public ::testing::Test {
 protected:
  explicit HubTest(Options options = {}) : hub(wire, events, options, 1) {}

  OutletId open(std::uint32_t socket) { return hub.subscriptions().open(socket, {socket, socket}); }
  SubscriptionId subscribe(OutletId outlet, const std::string& key) {
    const SubscriptionId id = hub.subscriptions().begin(outlet, key, 1);
    hub.subscriptions().activate(id);
    return id;
  }
  void append(const std::string& key, const std::string& frame,
              std::optional<model::SocketId> except = std::nullopt) {
    hub.append(base::make_ref<const model::Message>(key, frame, except));
  }
  void flush() {
    while (hub.flush(clock)) {
    }
  }

  TestWire wire;
  TestEvents events;
  StillClock clock;
  Hub hub;
};

}  // namespace mr::hub
