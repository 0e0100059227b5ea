#include "cluster/quotas.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kLook = std::chrono::milliseconds(250);
constexpr base::Duration kWait = std::chrono::seconds(1);
constexpr std::size_t kBusyMax = 64;  // pages asked for at a time
constexpr int kTriesMax = 8;          // at once, against other writers

bool is_user(const std::string& scope) { return scope.starts_with("user:"); }
bool is_user_page(const std::string& name) { return name.starts_with("quota.user."); }

}  // namespace

// What is written into a page, and what it makes of our slices when it was.
struct Quotas::Statement {
  QuotaPage record;
  std::uint64_t epoch = 0;
  StoreLife life = StoreLife::kNone;
  bool is_open = false;
  std::map<std::string, QuotaSlice> slices;  // ours, by scope
};

Quotas::Quotas(net::Loop& loop, Store& store, Registration& registration, QuotaOptions options)
    : loop_(loop), store_(store), registration_(registration), options_(options) {}

Quotas::~Quotas() { stop(); }

void Quotas::start() { tick(); }

void Quotas::stop() { loop_.cancel(timer_); }

// Users have small limits, and no spare: their pages need not be watched.
bool Quotas::is_small(const std::string& scope, std::uint32_t limit) const {
  return is_user(scope) || limit < 2 * registration_.roll().lines.size();
}

bool Quotas::is_stated(const Page& page) const {
  return page.epoch == registration_.epoch() && now() < page.valid_until;
}

bool Quotas::may_admit(const Page& page, const Scope& scope) const {
  if (registration_.is_alone() && registration_.epoch() == 0) {
    return options_.admits_without_store && scope.used < scope.limit;
  }
  if (scope.used >= scope.slice) return false;
  if (options_.admits_without_store) {
    return !registration_.is_valid() || page.epoch == registration_.epoch();
  }
  return (registration_.is_valid() && is_stated(page)) || MR_PLANTED("refuse_ignored");
}

void Quotas::acquire(const std::string& scope, std::uint32_t limit, OnAcquired done) {
  const std::string name = quota_record_of(scope);
  Page& page = pages_[name];
  Scope& held = page.scopes[scope];
  held.limit = limit;
  if (may_admit(page, held)) {
    ++held.used;
    return done(true);
  }
  // Cut off: nobody can raise the slice within a second.
  if (registration_.epoch() != 0 && !registration_.is_valid()) {
    ++counters_.refused_store;
    return done(false);
  }
  ++counters_.waits;
  held.waiting.push_back({now() + kWait, std::move(done)});
  // Who has asked for more than there is asks again with the next look at all pages.
  page.is_due = true;
  if (held.asked == 0) look_now(name, page);
}

void Quotas::release(const std::string& scope) {
  const std::string name = quota_record_of(scope);
  const auto page = pages_.find(name);
  if (page == pages_.end()) return;
  const auto found = page->second.scopes.find(scope);
  if (found == page->second.scopes.end() || found->second.used == 0) return;
  Scope& held = found->second;
  --held.used;
  if (!held.waiting.empty() && may_admit(page->second, held)) {
    ++held.used;
    OnAcquired done = std::move(held.waiting.front().done);
    held.waiting.pop_front();
    return done(true);
  }
  if (!is_small(scope, held.limit)) return;
  held.is_lowered = true;
  look_now(name, page->second);
}

void Quotas::on_registered() {
  for (auto& [name, page] : pages_) {
    page.is_due = true;
    look(name);
  }
}

// --- looking at pages ----------------------------------------------------------------------------

void Quotas::tick() {
  timer_ = loop_.after(kLook, [this] { tick(); });
  std::vector<std::string> due;
  for (auto& [name, page] : pages_) {
    expire(page);
    page.tries = 0;
    if (is_look_due(name, page)) due.push_back(name);
  }
  for (const std::string& name : due) look(name);
  probe();
}

bool Quotas::is_look_due(const std::string& name, const Page& page) const {
  // Often enough that a server that forgot gets our statement within the node timeout.
  if (page.is_due || now() - page.looked >= options_.node_timeout / 2) return true;
  return !is_user_page(name) && std::ranges::any_of(page.scopes, [](const auto& entry) {
    return !entry.second.waiting.empty() || entry.second.slice > entry.second.used;
  });
}

void Quotas::expire(Page& page) {
  for (auto& [scope, held] : page.scopes) {
    while (!held.waiting.empty() && held.waiting.front().until <= now()) {
      const bool is_told =
          registration_.is_valid() && is_stated(page) && registration_.is_open(page.life);
      ++(is_told ? counters_.refused_limit : counters_.refused_store);
      OnAcquired done = std::move(held.waiting.front().done);
      held.waiting.pop_front();
      page.is_due = true;
      done(false);
    }
    if (!held.waiting.empty()) page.is_due = true;
  }
}

// One page of users after the other: the lives of all servers are known before the first client
// needs a page of one, and what a failover brings back of slices that we gave back is found.
void Quotas::probe() {
  const std::string name = user_page(probed_++ % kUserPages);
  store_.read({Space::kState, name}, [this, name](const StoreAnswer& answer) {
    registration_.note(answer);
    if (pages_.contains(name) || answer.kind != StoreAnswer::Kind::kDone) return;
    const auto page = parse_quota(answer.value);
    if (!page || std::ranges::find(page->slices, registration_.self(), &QuotaSlice::boot) ==
                     page->slices.end()) {
      return;
    }
    pages_[name].is_due = true;
  });
}

void Quotas::look_now(const std::string& name, Page& page) {
  page.is_due = page.is_asked = true;
  look(name);
}

void Quotas::look(const std::string& name) {
  Page& page = pages_[name];
  if (page.is_busy || busy_ >= kBusyMax || !registration_.is_valid()) return;
  page.is_busy = true;
  page.is_due = page.is_asked = false;
  page.looked = now();
  ++busy_;
  store_.read({Space::kState, name}, [this, name, sent = now()](const StoreAnswer& answer) {
    on_read(name, answer, sent);
  });
}

void Quotas::on_read(const std::string& name, const StoreAnswer& answer, base::TimePoint sent) {
  registration_.note(answer);
  Page& page = pages_[name];
  auto record = answer.kind == StoreAnswer::Kind::kDone ? parse_quota(answer.value) : std::nullopt;
  if (!record || !registration_.is_valid()) {
    page.is_due = true;
    return finish(name);
  }
  const QuotaPage before = *record;
  Statement statement = state(page, *std::move(record), answer.life);
  if (statement.record.slices.size() > QuotaPage::kSlicesMax) return finish(name);
  if (statement.record == before) {
    settle(page, statement, sent);
    return finish(name);
  }
  write(name, std::move(statement), answer.revision);
}

// --- statements ----------------------------------------------------------------------------------

Quotas::Statement Quotas::state(Page& page, QuotaPage record, StoreLife life) {
  const NodeRoll& roll = registration_.roll();
  Statement statement{
      std::move(record), registration_.epoch(), life, registration_.is_open(life), {}};
  std::vector<QuotaSlice>& slices = statement.record.slices;
  // Nothing is free because of a record of nodes that may have forgotten.
  if (statement.is_open) {
    std::erase_if(slices, [&roll](const QuotaSlice& slice) {
      return !roll.is_held(slice.boot, slice.epoch);
    });
  }
  std::erase_if(slices, [this, &page](const QuotaSlice& slice) {
    return slice.boot == registration_.self() && !page.scopes.contains(slice.scope);
  });
  const bool is_anew = page.epoch != statement.epoch;
  for (auto& [scope, held] : page.scopes) {
    const bool is_wanted = std::ranges::any_of(slices, [&](const QuotaSlice& slice) {
      return slice.scope == scope && slice.boot != registration_.self() && slice.want != 0;
    });
    const bool gives_back = (is_wanted && !MR_PLANTED("spare_not_given_back")) || held.is_lowered ||
                            is_small(scope, held.limit);
    if (is_anew || (gives_back && !MR_PLANTED("lowered_after_answer"))) held.slice = held.used;
    held.is_lowered = false;
    state_scope(scope, held, statement);
  }
  return statement;
}

void Quotas::state_scope(const std::string& scope, Scope& held, Statement& statement) const {
  std::vector<QuotaSlice>& slices = statement.record.slices;
  const BootId self = registration_.self();
  std::uint64_t others = 0;
  bool is_wanted = false;
  for (const QuotaSlice& slice : slices) {
    if (slice.scope != scope || slice.boot == self) continue;
    others += slice.size;
    is_wanted = is_wanted || slice.want != 0;
  }
  QuotaSlice own{scope, self, statement.epoch, held.slice, 0};
  if (MR_PLANTED("clients_not_restated") && held.slice == held.used) own.size = 0;
  if (MR_PLANTED("lowered_after_answer") && is_wanted) own.size = held.used;
  const std::uint64_t taken = others + held.slice;
  const std::uint64_t free = taken >= held.limit ? 0 : held.limit - taken;
  const std::uint64_t need = held.used + held.waiting.size();
  const std::uint64_t lacking = need > held.slice ? need - held.slice : 0;
  if (statement.is_open) {
    std::uint64_t extra = std::min(lacking, free);
    own.want = static_cast<std::uint32_t>(lacking - extra);
    if (lacking != 0 && own.want == 0 && !is_wanted && !is_small(scope, held.limit)) {
      extra += (free - extra) / (2 * std::max<std::size_t>(registration_.roll().lines.size(), 1));
    }
    own.size += static_cast<std::uint32_t>(extra);
  }
  QuotaSlice* const stated = statement.record.find(scope, self);
  // That something is lacking is what others need to know.
  if (stated != nullptr && stated->want != 0 && own.want != 0) own.want = stated->want;
  if (own.size == 0 && own.want == 0) {
    if (stated != nullptr) slices.erase(slices.begin() + (stated - slices.data()));
  } else if (stated != nullptr) {
    *stated = own;
  } else {
    slices.push_back(own);
  }
  statement.slices.insert_or_assign(scope, std::move(own));
}

void Quotas::write(const std::string& name, Statement statement, Revision expected) {
  const RecordKey key{Space::kState, name};
  if (MR_PLANTED("raised_before_answer")) settle(pages_[name], statement, now());
  const std::string text = encode_quota(statement.record);
  auto done = [this, name, statement = std::move(statement), sent = now()](
                  const StoreAnswer& answer) mutable { on_written(name, answer, statement, sent); };
  if (text.empty()) {
    store_.erase(key, expected, std::move(done));
  } else {
    store_.write(key, text, expected, std::move(done));
  }
}

void Quotas::on_written(const std::string& name, const StoreAnswer& answer, Statement& statement,
                        base::TimePoint sent) {
  registration_.note(answer);
  Page& page = pages_[name];
  const bool is_done = answer.kind == StoreAnswer::Kind::kDone && answer.life == statement.life;
  if (is_done || (answer.kind == StoreAnswer::Kind::kConflict && MR_PLANTED("conflict_ignored"))) {
    settle(page, statement, sent);
  } else {
    page.is_due = true;
    if (answer.kind == StoreAnswer::Kind::kConflict && ++page.tries < kTriesMax) {
      page.is_asked = true;
    }
  }
  finish(name);
}

// The statement stands in the store.
void Quotas::settle(Page& page, const Statement& statement, base::TimePoint sent) {
  if (statement.epoch != registration_.epoch() || !registration_.is_valid()) {
    page.is_due = true;
    return;
  }
  page.epoch = statement.epoch;
  page.life = statement.life;
  page.valid_until = std::max(page.valid_until, sent + options_.node_timeout * 9 / 10);
  for (const auto& [scope, own] : statement.slices) {
    const auto found = page.scopes.find(scope);
    if (found == page.scopes.end()) continue;
    Scope& held = found->second;
    held.slice = MR_PLANTED("lowered_after_answer") ? own.size : std::max(held.slice, own.size);
    held.asked = own.want;
    while (!held.waiting.empty() && may_admit(page, held)) {
      ++held.used;
      OnAcquired done = std::move(held.waiting.front().done);
      held.waiting.pop_front();
      done(true);
    }
    // What the waiting did not take, as their time was over, is given back.
    if (is_small(scope, held.limit) && held.slice > held.used) page.is_due = true;
    if (held.asked != 0 && held.waiting.empty()) page.is_due = true;
  }
  // Of an app the page stays, and is looked at: a failover may bring old slices of ours back.
  std::erase_if(page.scopes, [](const auto& entry) {
    const Scope& held = entry.second;
    return held.used == 0 && held.slice == 0 && held.asked == 0 && held.waiting.empty();
  });
}

void Quotas::finish(const std::string& name) {
  --busy_;
  const auto found = pages_.find(name);
  found->second.is_busy = false;
  // Who waits for what others have to give asks with the next look at all pages.
  if (found->second.is_asked) return look(name);
  const bool is_empty = found->second.scopes.empty() && !found->second.is_due;
  if (is_empty && is_user_page(name)) pages_.erase(found);
}

Quotas::Use Quotas::use_of(const std::string& scope) const {
  const auto page = pages_.find(quota_record_of(scope));
  if (page == pages_.end()) return {scope};
  const auto found = page->second.scopes.find(scope);
  if (found == page->second.scopes.end()) return {scope};
  const Scope& held = found->second;
  return {scope, held.used, held.slice, static_cast<std::uint32_t>(held.waiting.size()),
          page->second.epoch == registration_.epoch()};
}

std::vector<Quotas::Use> Quotas::uses() const {
  std::vector<Use> uses;
  Use users{"user:"};
  for (const auto& [name, page] : pages_) {
    for (const auto& [scope, held] : page.scopes) {
      const Use use = use_of(scope);
      if (!is_user(scope)) {
        uses.push_back(use);
        continue;
      }
      users.used += use.used;
      users.slice += use.slice;
      users.waiting += use.waiting;
    }
  }
  if (users.used + users.slice + users.waiting != 0) uses.push_back(std::move(users));
  return uses;
}

}  // namespace mr::cluster
