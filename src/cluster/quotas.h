#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "base/function.h"
#include "cluster/quota_page.h"
#include "cluster/registration.h"
#include "cluster/store.h"
#include "net/loop.h"

namespace mr::cluster {

struct QuotaOptions {
  base::Duration node_timeout = std::chrono::seconds(5);
  // Without the store: from the slice that we have; else nobody is admitted.
  bool admits_without_store = true;
};

struct QuotaCounters {
  std::uint64_t waits = 0;  // clients that waited for a slice
  std::uint64_t refused_limit = 0;
  std::uint64_t refused_store = 0;  // the store did not answer, or may have forgotten
};

// Limits that nodes share, by leased slices. A node admits from its slice without asking anybody.
// Slices are stated in the store in absolute numbers, one request of a page at a time: lowered
// before it is sent, raised after its answer. Who lacks something leaves a want; others give their
// spare back to it within 250 ms, and a client waits for at most a second. What a node held is free
// when its registration was buried or left. Control loop; the store is stopped before this ends.
class Quotas {
 public:
  Quotas(net::Loop& loop, Store& store, Registration& registration, QuotaOptions options);
  ~Quotas();
  Quotas(const Quotas&) = delete;
  Quotas& operator=(const Quotas&) = delete;
  void start();
  void stop();

  // `scope` is "app:..." or "user:...", `limit` not 0. `done` runs once, within a second.
  using OnAcquired = base::Function<void(bool)>;
  void acquire(const std::string& scope, std::uint32_t limit, OnAcquired done);
  void release(const std::string& scope);

  // The registration has another epoch: slices are what is used, and stated anew.
  void on_registered();

  struct Use {
    std::string scope;
    std::uint32_t used = 0;
    std::uint32_t slice = 0;
    std::uint32_t waiting = 0;
    bool is_stated = false;  // under this node's registration
  };
  Use use_of(const std::string& scope) const;
  // Of all apps, by name; users are one sum under "user:".
  std::vector<Use> uses() const;
  const QuotaCounters& counters() const { return counters_; }

 private:
  struct Waiter {
    base::TimePoint until{};
    OnAcquired done;
  };
  struct Scope {
    std::uint32_t limit = 0;
    std::uint32_t slice = 0;
    std::uint32_t used = 0;
    std::uint32_t asked = 0;  // the want that was left in the store
    std::deque<Waiter> waiting;
    bool is_lowered = false;  // gives its spare back with the next statement
  };
  struct Page {
    std::map<std::string, Scope> scopes;
    std::uint64_t epoch = 0;  // under which it was stated last
    StoreLife life = StoreLife::kNone;
    base::TimePoint valid_until{};
    base::TimePoint looked{};
    int tries = 0;
    bool is_busy = false;
    bool is_due = false;    // with the next look at all pages
    bool is_asked = false;  // with the end of the request that is under way
  };
  struct Statement;

  base::TimePoint now() const { return loop_.clock().now(); }
  bool is_small(const std::string& scope, std::uint32_t limit) const;
  bool is_stated(const Page& page) const;
  bool may_admit(const Page& page, const Scope& scope) const;
  void tick();
  void expire(Page& page);
  bool is_look_due(const std::string& name, const Page& page) const;
  void look_now(const std::string& name, Page& page);
  void look(const std::string& name);
  void on_read(const std::string& name, const StoreAnswer& answer, base::TimePoint sent);
  Statement state(Page& page, QuotaPage record, StoreLife life);
  void state_scope(const std::string& name, Scope& scope, Statement& statement) const;
  void write(const std::string& name, Statement statement, Revision expected);
  void on_written(const std::string& name, const StoreAnswer& answer, Statement& statement,
                  base::TimePoint sent);
  void settle(Page& page, const Statement& statement, base::TimePoint sent);
  void finish(const std::string& name);
  void probe();

  net::Loop& loop_;
  Store& store_;
  Registration& registration_;
  const QuotaOptions options_;
  QuotaCounters counters_;
  std::map<std::string, Page> pages_;  // by record
  std::size_t busy_ = 0;
  std::uint32_t probed_ = 0;
  net::TimerId timer_ = net::TimerId::kNone;
};

}  // namespace mr::cluster
