#include "cluster/nats/line.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace mr::cluster::nats {
namespace {

// libnats' threads end their calls at once; whoever is late for so long never comes.
constexpr auto kEndPatience = std::chrono::seconds(5);

}  // namespace

Line::Line(net::Loop& home, NatsOptions options, LineEvents& events)
    : home_(home), options_(std::move(options)), events_(events) {
  auto ended = std::make_shared<std::promise<void>>();
  ended_ = ended->get_future();
  lease_ = std::shared_ptr<void>(nullptr, [ended](void*) { ended->set_value(); });
  // Neither the worker nor libnats' threads, which come from it, take signals of the process: it
  // may not have said yet which of them it waits for.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  worker_.start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Line::~Line() {
  if (lease_) end([] {});
}

void Line::end(base::Task last) {
  run([this, last = std::move(last)]() mutable {
    session_.reset();
    last();
  });
  worker_.stop();
  lease_.reset();
  ended_.wait_for(kEndPatience);
}

void Line::run(base::Task work) { worker_.submit(std::move(work), home_, nullptr); }

bool Line::connect() {
  const base::TimePoint now = clock_.now();
  if (!refusal_.empty() && now - tried_ < options_.retry / 2) return false;
  number_ = static_cast<ConnectionNumber>(static_cast<std::uint64_t>(number_) + 1);
  auto session = Session::connect(options_, reports(number_));
  tried_ = clock_.now();
  if (!session) {
    refusal_ = session.error().detail;
    return false;
  }
  refusal_.clear();
  session_ = std::move(session).value();
  return true;
}

// Threads of libnats call these.
Session::Reports Line::reports(ConnectionNumber connection) {
  return {[this, connection] {
            run([this, connection] {
              if (!session_) return;
              lose(connection, "NATS at " + session_->where() +
                                   " closed the connection: it stopped, or cut us off (its log "
                                   "says, such as for being a slow consumer)");
            });
          },
          [this, connection](std::string error) {
            run([this, connection, error = std::move(error)] {
              if (session_ && connection == number_) events_.on_error(error);
            });
          },
          [this, connection] {
            run([this, connection] {
              lose(connection,
                   "messages of NATS came faster than they could be taken, and some were dropped: "
                   "give this node more cores, or spread its clients over more nodes");
            });
          },
          lease_};
}

void Line::lose(ConnectionNumber connection, const std::string& why) {
  if (!session_ || connection != number_) return;
  session_.reset();
  events_.on_lost(connection, why);
}

}  // namespace mr::cluster::nats
