#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/home.h"
#include "delta_model/replay_wire.h"
#include "hub/hub.h"
#include "json/parser.h"

namespace mr::delta_model {

// Puts the product through the server's part of one seed of base_rules.py: one home loop, two
// loops with a hub each, mailboxes between them, sockets that take what the model's took. Every
// frame is compared with the model's.
class Replay final : public channel::LoopPort,
                     public base::Clock,
                     public channel::OrderSource,
                     public hub::OutletEvents,
                     public channel::ChainPolicy {
 public:
  explicit Replay(std::uint64_t seed);
  ~Replay() override;

  // The first difference; nothing: there is none.
  std::optional<std::string> run(const std::vector<std::string>& lines);
  std::size_t frames_compared() const { return frames_; }

  std::size_t self() const override { return kHomeLoop; }
  std::size_t loop_count() const override { return kHomeLoop + 1; }
  void post(std::size_t to, base::Task task, std::size_t) override {
    mail_[to].push_back(std::move(task));
  }
  std::size_t mailbox_bytes(std::size_t) const override { return 0; }
  void after(base::Duration delay, base::Task task) override;
  const base::Clock& clock() const override { return *this; }
  base::TimePoint now() const override { return now_; }
  base::WallTime wall_now() const override { return {}; }
  void order(const channel::OrderRequest& request,
             base::Function<void(channel::Order)> answer) override;
  void on_outlet_slow(hub::OutletId) override {}
  void on_outlet_broken(hub::OutletId) override {}
  channel::ChainOptionsRef find(const model::App&, const model::ChannelName& channel) override;

 private:
  static constexpr std::size_t kHomeLoop = 2;
  using Arguments = std::vector<json::Value>;

  class Receiver;
  struct Sub {
    std::uint32_t number = 0;
    std::size_t loop = 0;
    std::string channel;
    model::SocketId socket;
    hub::OutletId outlet = hub::kNone;
    hub::SubscriptionId id = hub::kNone;
    std::uint8_t wanted_class = delta::FormClass::kNone;   // the last that was not none
    std::uint8_t counted_class = delta::FormClass::kNone;  // by the home
    bool is_closed = false;
    std::string begun;  // what it was told when it became active
  };
  struct Timer {
    base::TimePoint due;
    base::Task task;
  };
  struct Text {
    std::string mid;
    bool pays[2] = {false, false};
  };

  void boot();
  void step(std::string_view name, const Arguments& args);
  void step_of_channel(std::string_view name, const Arguments& args);
  void step_of_sub(std::string_view name, const Arguments& args);
  void publish(const Arguments& args);
  void release(const std::string& channel, const json::Value& verdicts);
  void open(const Arguments& args);
  void subscribe(Sub& sub, const Arguments& args);
  void start(Sub& sub);
  void choose(Sub& sub, const json::Value& symbols);
  void deliver(std::size_t loop, std::uint64_t count);
  void flush(Sub& sub, std::string_view steps, const json::Value& texts);
  void write_one(Sub& sub, const std::string& wanted);
  void drop_one(Sub& sub);
  void kick(const Sub& sub);
  void idle();
  bool encode(delta::Algorithm algorithm, std::string_view base, std::string_view target,
              std::string& out);
  void differ(const std::string& what);
  filter::FilterRef filter_of(const json::Value& symbols);
  hub::Hub& hub_of(const Sub& sub) { return *hubs_[sub.loop]; }
  model::ChannelName name_of(const std::string& channel) const;

  const std::uint64_t seed_;
  json::Parser parser_;
  json::Parser filter_parser_;
  base::TimePoint now_{};
  model::AppRef app_;
  channel::ChainOptions chain_options_;
  bool wants_bases_ = false;
  hub::Options hub_options_;
  std::map<std::string, bool> is_keyed_;
  std::unique_ptr<ReplayWire> wire_;
  std::vector<std::unique_ptr<hub::Hub>> hubs_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::unique_ptr<channel::Home> home_;
  std::deque<base::Task> mail_[kHomeLoop + 1];
  std::map<std::string, std::deque<base::Function<void(channel::Order)>>> unordered_;
  std::vector<Timer> timers_;
  std::map<std::uint64_t, Sub> subs_;
  std::map<std::string, Text, std::less<>> texts_;
  std::string line_;
  std::optional<std::string> difference_;
  std::size_t frames_ = 0;
};

}  // namespace mr::delta_model
