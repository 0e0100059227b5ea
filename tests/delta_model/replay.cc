#include "delta_model/replay.h"

#include <algorithm>
#include <utility>

#include "crypto/encoding.h"
#include "pusher/encode.h"

namespace mr::delta_model {
namespace {

using delta::FormClass;

constexpr std::size_t kLineBytesMax = 1 << 20;
constexpr base::Duration kAge = std::chrono::seconds(100);

std::string text_of(const json::Value& value) {
  return std::string(value.as_string().value_or(""));
}

std::string key_of(const std::string& channel) { return model::channel_key("app", channel); }

channel::Order order_of(std::string_view verdict) {
  if (verdict == "full") return channel::Order::kFull;
  return verdict == "delta" ? channel::Order::kDelta : channel::Order::kRelease;
}

// The padding of the messages says nothing.
std::string shortened(std::string text) {
  const std::string padding(20, 'x');
  for (std::size_t at = text.find(padding); at != text.npos; at = text.find(padding, at)) {
    text.erase(at, text.find_first_not_of('x', at) - at);
  }
  return text;
}

// The test's deltas name their base and their target; base64 would hide it.
std::string with_clear_delta(const std::string& text) {
  constexpr std::string_view kMember = ",\"delta\":\"";
  if (!text.starts_with("{\"event\":\"pusher:delta\",")) return text;
  const std::size_t at = text.find(kMember);
  if (at == text.npos) return text;
  const std::size_t begin = at + kMember.size();
  const std::size_t end = text.find('"', begin);
  const auto bytes = crypto::base64_decode(text.substr(begin, end - begin));
  return text.substr(0, begin) + bytes.value_or("not base64") + text.substr(end);
}

}  // namespace

// What a home loop sees of a hub's loop.
class Replay::Receiver final : public channel::Subscribers {
 public:
  explicit Receiver(hub::Hub& hub) : hub_(hub) {}
  void deliver(const model::MessageRef& message) override { hub_.append(message); }
  std::uint32_t terminate_user(const std::string&, const std::string&, base::TimePoint) override {
    return 0;
  }

 private:
  hub::Hub& hub_;
};

Replay::Replay(std::uint64_t seed)
    : seed_(seed), parser_(kLineBytesMax), filter_parser_(kLineBytesMax) {
  model::AppOptions options;
  options.id = "app";
  options.enable_subscription_count = false;
  app_ = base::make_ref<const model::App>(options);
  chain_options_.data_bytes_min = 300;
  chain_options_.messages_per_key_max = 2;
  chain_options_.age_max = kAge;
  chain_options_.suspended_messages = 2;
  chain_options_.keeps_bases = true;
  hub_options_.queue_bytes_max = SIZE_MAX / 2;
  hub_options_.log_bytes_max = SIZE_MAX / 2;
}

Replay::~Replay() = default;

void Replay::boot() {
  for (auto& mail : mail_) mail.clear();
  unordered_.clear();
  timers_.clear();
  subs_.clear();
  home_.reset();
  receivers_.clear();
  hubs_.clear();
  wire_ = std::make_unique<ReplayWire>(seed_);
  std::vector<channel::Subscribers*> subscribers;
  for (std::size_t loop = 0; loop < kHomeLoop; ++loop) {
    hubs_.push_back(std::make_unique<hub::Hub>(*wire_, *this, hub_options_, seed_));
    receivers_.push_back(std::make_unique<Receiver>(*hubs_.back()));
    subscribers.push_back(receivers_.back().get());
  }
  subscribers.push_back(nullptr);
  channel::Options options;
  options.text_frame = text_frame;
  options.text_head = frame_head;
  options.chain_policy = this;
  home_ = std::make_unique<channel::Home>(*this, *this, options, seed_);
  home_->set_subscribers(std::move(subscribers));
  home_->chain_shop().encode = [this](delta::Algorithm algorithm, std::string_view base,
                                      std::string_view target, std::size_t, std::string& out) {
    return encode(algorithm, base, target, out);
  };
}

channel::ChainOptionsRef Replay::find(const model::App&, const model::ChannelName& channel) {
  auto options = std::make_shared<channel::ChainOptions>(chain_options_);
  if (is_keyed_[channel.text()]) options->conflation_key = "symbol";
  return options;
}

bool Replay::encode(delta::Algorithm algorithm, std::string_view base, std::string_view target,
                    std::string& out) {
  const auto from = texts_.find(base);
  const auto to = texts_.find(target);
  if (!to->second.pays[algorithm == delta::Algorithm::kFossil ? 0 : 1]) return false;
  out = (from == texts_.end() ? "?" : from->second.mid) + ">" + to->second.mid;
  return true;
}

void Replay::order(const channel::OrderRequest& request,
                   base::Function<void(channel::Order)> answer) {
  unordered_[key_of(std::string(request.channel))].push_back(std::move(answer));
}

void Replay::after(base::Duration delay, base::Task task) {
  timers_.push_back({now_ + delay, std::move(task)});
}

void Replay::idle() {
  now_ += 2 * kAge;
  for (Timer& timer : std::exchange(timers_, {})) {
    if (timer.due <= now_) {
      timer.task();
    } else {
      timers_.push_back(std::move(timer));
    }
  }
}

void Replay::differ(const std::string& what) {
  if (!difference_) difference_ = shortened(what + "\n  at " + line_);
}

model::ChannelName Replay::name_of(const std::string& channel) const {
  return model::ChannelName::parse(channel, 200).value();
}

filter::FilterRef Replay::filter_of(const json::Value& symbols) {
  if (!symbols.is_array()) return nullptr;
  std::string values;
  symbols.for_each_element([&values](const json::Value& symbol) {
    values += (values.empty() ? "\"" : ",\"") + std::string(symbol.raw()) + "\"";
  });
  return filter::Filter::parse(filter_parser_, R"({"key":"s","cmp":"in","vals":[)" + values + "]}")
      .value();
}

std::optional<std::string> Replay::run(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    line_ = line;
    const auto parsed = parser_.parse(line);
    if (!parsed) return "a line that is no JSON: " + line_;
    Arguments all;
    parsed.value().for_each_element([&all](const json::Value& value) { all.push_back(value); });
    const std::string name = text_of(all.front());
    step(name, {all.begin() + 1, all.end()});
    if (difference_) return difference_;
  }
  return std::nullopt;
}

void Replay::step(std::string_view name, const Arguments& args) {
  if (name == "seed") return;
  if (name == "config") {
    chain_options_.full_message_interval = static_cast<std::uint32_t>(*args[0].as_uint());
    chain_options_.keys_max = static_cast<std::uint32_t>(*args[1].as_uint());
    hub_options_.behind_slots_max = static_cast<std::uint32_t>(*args[2].as_uint());
    wants_bases_ = *args[3].as_bool();
    chain_options_.sync_bytes_max = *args[4].as_uint();
    is_keyed_ = {{"k", true}, {"u", false}};
    return boot();
  }
  if (name == "restart") return boot();
  if (name == "idle") return idle();
  if (name == "open") return open(args);
  if (name == "deliver") return deliver(*args[0].as_uint(), *args[1].as_uint());
  if (args.at(0).as_string()) return step_of_channel(name, args);
  step_of_sub(name, args);
}

void Replay::step_of_channel(std::string_view name, const Arguments& args) {
  const std::string channel = text_of(args[0]);
  if (name == "publish") return publish(args);
  if (name == "release") return release(channel, args[1]);
  if (name == "verdict") {
    // The first one's answer would release it before its time.
    const std::size_t index = *args[1].as_uint();
    auto& answer = unordered_[key_of(channel)][index];
    if (index > 0 && answer) std::exchange(answer, nullptr)(order_of(*args[2].as_string()));
    return;
  }
  if (name == "settings") {
    is_keyed_[channel] = *args[1].as_bool();
    return home_->configure_chains();
  }
  if (name == "record") {
    for (std::uint8_t index = 0; index < 4; ++index) {
      home_->start({key_of(channel), {}, FormClass::kNone, index, false});
    }
    return;
  }
  differ("an operation that nobody knows");
}

void Replay::publish(const Arguments& args) {
  channel::Publish publish{app_, name_of(text_of(args[0])), text_of(args[4]), text_of(args[5]), {},
                           {},   *args[6].as_bool()};
  publish.conflation_key = text_of(args[2]);
  publish.tags = {{"s", std::string(args[3].raw())}};
  publish.delta = args[7].as_bool();
  const std::int64_t except = *args[8].as_int();
  if (except >= 0) publish.except = model::SocketId{static_cast<std::uint64_t>(except) + 1, 1};
  Text text;
  text.mid = std::string(args[1].raw());
  std::size_t algorithm = 0;
  args[9].for_each_element(
      [&](const json::Value& pays) { text.pays[algorithm++] = *pays.as_bool(); });
  texts_[pusher::channel_event(publish.event, publish.channel.text(), publish.data)] = text;
  home_->publish(std::move(publish), [](const channel::Released&) {});
}

void Replay::release(const std::string& channel, const json::Value& verdicts) {
  auto& waiting = unordered_[key_of(channel)];
  verdicts.for_each_element([&](const json::Value& verdict) {
    auto answer = std::move(waiting.front());
    waiting.pop_front();
    if (answer) answer(order_of(*verdict.as_string()));
  });
}

void Replay::step_of_sub(std::string_view name, const Arguments& args) {
  const auto found = subs_.find(*args[0].as_uint());
  if (found == subs_.end()) return differ("a subscription that nobody opened");
  Sub& sub = found->second;
  const std::string key = key_of(sub.channel);
  if (name == "subscribe") return subscribe(sub, args);
  if (name == "start") return start(sub);
  if (name == "filter") return choose(sub, args[1]);
  if (name == "flush") return flush(sub, *args[1].as_string(), args[2]);
  if (name == "leave") return home_->leave(key, sub.loop, sub.socket, {sub.counted_class});
  if (name == "ask") return hub_of(sub).tracks().ask(sub.id);
  if (name == "begun") {
    if (sub.begun != text_of(args[1])) {
      differ("begun with " + sub.begun + "\n  not " + text_of(args[1]));
    }
  } else if (name == "close") {
    sub.is_closed = true;
    hub_of(sub).close(sub.outlet);
  } else if (name == "class") {
    const auto form_class = static_cast<std::uint8_t>(*args[1].as_uint());
    if (form_class != FormClass::kNone) sub.wanted_class = form_class;
    const bool starts = hub_of(sub).tracks().set_class(sub.id, form_class);
    if (starts != *args[2].as_bool()) differ("another start than the model's");
  } else {
    differ("an operation that nobody knows");
  }
}

void Replay::open(const Arguments& args) {
  Sub sub;
  sub.number = static_cast<std::uint32_t>(*args[0].as_uint());
  sub.socket = {*args[1].as_uint() + 1, 1};
  sub.loop = *args[2].as_uint();
  sub.channel = text_of(args[3]);
  sub.counted_class = static_cast<std::uint8_t>(*args[4].as_uint());
  sub.wanted_class = sub.counted_class == FormClass::kNone ? std::uint8_t{0} : sub.counted_class;
  hub::Hub& hub = hub_of(sub);
  sub.outlet = hub.subscriptions().open(sub.number, sub.socket);
  sub.id = hub.subscriptions().begin(sub.outlet, key_of(sub.channel), sub.number);
  hub.tracks().want(sub.id, sub.counted_class);
  subs_[sub.number] = std::move(sub);
}

void Replay::subscribe(Sub& sub, const Arguments& args) {
  channel::Join join{app_, name_of(sub.channel), sub.loop, sub.socket, std::nullopt};
  join.filter = filter_of(args[1]);
  join.form_class = sub.counted_class;
  join.wants_bases = wants_bases_;
  mail_[sub.loop].push_back([this, &sub, answer = home_->join(join)]() {
    if (sub.is_closed) return;
    hub::Hub& hub = hub_of(sub);
    hub.subscriptions().activate(sub.id);
    std::optional<std::uint64_t> joined;
    if (answer.start) joined = answer.start->joined;
    if (hub.tracks().begin(sub.id, answer.filter, joined)) sub.begun = answer.start->sync;
  });
}

void Replay::start(Sub& sub) {
  const std::uint8_t before = std::exchange(sub.counted_class, sub.wanted_class);
  channel::Start request{key_of(sub.channel), sub.socket, before, sub.wanted_class, wants_bases_};
  mail_[sub.loop].push_back([this, &sub, answer = home_->start(request)]() {
    if (sub.is_closed) return;
    hub::Mark mark;
    mark.is_start = true;
    mark.joined = answer.joined;
    if (!answer.sync.empty()) {
      mark.sync = base::make_ref<const model::Message>(key_of(sub.channel), text_frame(answer.sync),
                                                       std::nullopt);
    }
    hub_of(sub).place(sub.id, std::move(mark));
  });
}

void Replay::choose(Sub& sub, const json::Value& symbols) {
  const channel::Filtered answer =
      home_->choose(key_of(sub.channel), sub.socket, filter_of(symbols));
  mail_[sub.loop].push_back([this, &sub, answer]() {
    if (sub.is_closed) return;
    hub::Mark mark;
    mark.filter = answer.filter;
    mark.joined = answer.next;
    hub_of(sub).place(sub.id, std::move(mark));
  });
}

void Replay::deliver(std::size_t loop, std::uint64_t count) {
  for (; count > 0; --count) {
    if (mail_[loop].empty()) return differ("nothing in the mailbox");
    base::Task task = std::move(mail_[loop].front());
    mail_[loop].pop_front();
    task();
  }
}

// Gives the outlet a chance to write what its socket takes.
void Replay::kick(const Sub& sub) {
  hub::Hub& hub = hub_of(sub);
  if (hub.subscriptions().outlet(sub.outlet).is_blocked) return hub.on_writable(sub.outlet);
  while (hub.flush(*this)) {
  }
}

void Replay::flush(Sub& sub, std::string_view steps, const json::Value& texts) {
  json::Cursor wanted = texts.children();
  for (const char what : steps) {
    if (difference_) return;
    if (what == 'D') {
      drop_one(sub);
    } else {
      wanted.next();
      write_one(sub, text_of(wanted.value()));
    }
  }
}

void Replay::write_one(Sub& sub, const std::string& wanted) {
  wire_->allow_one(sub.number);
  kick(sub);
  wire_->allow_none(sub.number);
  if (wire_->is_cut(sub.number)) {
    wire_->allow_rest(sub.number);
    kick(sub);
  }
  const std::vector<std::string> got = wire_->take(sub.number);
  ++frames_;
  const std::string text = got.empty() ? "nothing" : with_clear_delta(got.front());
  if (got.size() != 1 || text != wanted) differ("got " + text + "\n  not " + wanted);
}

void Replay::drop_one(Sub& sub) {
  kick(sub);  // passes what is hidden or excluded
  hub::Hub& hub = hub_of(sub);
  const hub::Subscription& subscription = hub.subscriptions().at(sub.id);
  if (subscription.cursor == hub.subscriptions().log(subscription.channel).end()) {
    return differ("nothing to drop");
  }
  hub.drop(sub.id);
}

}  // namespace mr::delta_model
