#include "cluster/coordinator.h"

#include <array>
#include <utility>
#include <vector>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kProbe = std::chrono::seconds(1);
constexpr std::size_t kToldMax = 64;

}  // namespace

std::string_view name_of(Fallback reason) {
  constexpr std::array<std::string_view, kFallbacks> kNames = {"unconnected", "late", "lost",
                                                               "silent"};
  return kNames[static_cast<std::size_t>(reason)];
}

Coordinator::Coordinator(net::Loop& loop, CoordinatorEvents& events, MakeCounter make_counter)
    : loop_(loop),
      events_(events),
      counter_(make_counter(*this)),
      told_(0, base::TextHash{loop.random().next()}) {}

Coordinator::~Coordinator() {
  counter_->stop();
  for (const auto& [number, waiting] : waiting_) {
    if (waiting.deadline != net::TimerId::kNone) loop_.cancel(waiting.deadline);
  }
}

void Coordinator::start(base::Duration timeout) {
  set_timeout(timeout);
  if (!std::exchange(is_started_, true)) counter_->start();
}

void Coordinator::stop() {
  if (!std::exchange(is_started_, false)) return;
  counter_->stop();
  while (!waiting_.empty()) fall_back(waiting_.begin()->second.request, Fallback::kUnconnected);
  failures_ = 0;
  is_probing_ = false;
}

void Coordinator::set_timeout(base::Duration timeout) {
  timeout_ = timeout;
  counter_->set_patience(timeout);
}

void Coordinator::decide(CounterKey key, std::uint32_t interval,
                         base::Function<void(Decision)> answer) {
  const base::TimePoint now = loop_.clock().now();
  const auto refuse = [&](Fallback reason) {
    ++counters_.fallbacks[static_cast<std::size_t>(reason)];
    answer({true, {}});
  };
  const bool is_silent = failures_ >= kFailuresMax;
  if (is_silent && (is_probing_ || now < retry_at_)) return refuse(Fallback::kSilent);
  auto request =
      std::make_shared<CountRequest>(CountRequest{std::move(key), interval, ++asked_, now});
  if (!is_started_ || !counter_->count(request)) return refuse(Fallback::kUnconnected);
  is_probing_ = is_silent;
  Waiting& waiting = waiting_[request->number];
  waiting.request = request;
  waiting.answer = std::move(answer);
  if (MR_PLANTED("no_deadline")) return;
  waiting.deadline =
      loop_.after(timeout_, [this, request] { fall_back(request, Fallback::kLate); });
}

void Coordinator::on_answer(bool came) {
  is_probing_ = false;
  if (came) {
    if (!MR_PLANTED("breaker_stays_open")) failures_ = 0;
    return;
  }
  ++failures_;
  retry_at_ = loop_.clock().now() + kProbe;
}

void Coordinator::on_counted(const CountRequestRef& request, const Counted& counted) {
  const Count& before = counted.before;
  const bool is_other = before.interval != 0 && before.interval != request->interval;
  if (is_other && told_.size() < kToldMax && told_.insert(before.node).second) {
    events_.on_other_interval(*request, before);
  }
  if (!request->is_open) return;  // too late
  events_.on_decided(*request, counted);
  ++(counted.is_full ? counters_.fulls : counters_.deltas);
  close(request).answer({false, counted});
}

void Coordinator::fall_back(const CountRequestRef& request, Fallback reason) {
  if (!request->is_open) return;
  ++counters_.fallbacks[static_cast<std::size_t>(reason)];
  close(request).answer({true, {}});
}

Coordinator::Waiting Coordinator::close(const CountRequestRef& request) {
  request->is_open = false;
  const auto found = waiting_.find(request->number);
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  if (waiting.deadline != net::TimerId::kNone) loop_.cancel(waiting.deadline);
  return waiting;
}

}  // namespace mr::cluster
