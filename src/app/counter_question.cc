#include "app/counter_question.h"

#include <utility>

namespace mr::app {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(10);

}  // namespace

void CounterQuestion::start(base::Function<void(cluster::CounterPage)> done) {
  done_ = std::move(done);
  began_ = loop_.clock().now();
  counter_ = source_.make_counter(loop_, {}, *this);
  deadline_ = loop_.after(kDeadline, [this] {
    page_ = {};
    page_.problem = counter_->problem().empty() ? "the store does not answer in time; try again"
                                                : counter_->problem();
    finish();
  });
  counter_->start();
  next_ = loop_.after(base::Duration::zero(), [this] { look(); });
}

void CounterQuestion::look() {
  next_ = net::TimerId::kNone;
  if (counter_->problem().empty()) return ask();
  if (loop_.clock().now() - began_ >= kPatience) return fail(counter_->problem());
  next_ = loop_.after(kLook, [this] { look(); });
}

void CounterQuestion::ask() {
  using Kind = Asked::Kind;
  constexpr const char* kSilent = "the store does not answer, or others count just now; try again";
  switch (asked_.kind) {
    case Kind::kList:
      return counter_->list(asked_.query,
                            [this](cluster::CounterPage page) { take(std::move(page)); });
    case Kind::kRead:
      return counter_->read(asked_.key, [this](std::optional<cluster::CounterState> state) {
        if (!state) return fail(kSilent);
        cluster::CounterPage page;
        if (state->count.interval != 0) page.counters.push_back(std::move(*state));
        take(std::move(page));
      });
    case Kind::kReset:
      return counter_->reset(asked_.key, [this](bool is_reset) {
        if (!is_reset) return fail(kSilent);
        take({});
      });
  }
}

void CounterQuestion::fail(std::string why) {
  cluster::CounterPage page;
  page.problem = std::move(why);
  take(std::move(page));
}

// Not inside an answer of the counter, which ends with this.
void CounterQuestion::take(cluster::CounterPage page) {
  page_ = std::move(page);
  next_ = loop_.after(base::Duration::zero(), [this] { finish(); });
}

void CounterQuestion::finish() {
  if (counter_ == nullptr) return;
  stop();
  std::exchange(done_, {})(std::move(page_));
}

void CounterQuestion::stop() {
  if (counter_ == nullptr) return;
  loop_.cancel(std::exchange(next_, net::TimerId::kNone));
  loop_.cancel(std::exchange(deadline_, net::TimerId::kNone));
  counter_->stop();
  counter_.reset();
}

}  // namespace mr::app
