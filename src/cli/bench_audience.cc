#include "cli/bench_audience.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <type_traits>
#include <utility>

namespace mr::cli {
namespace {

enum class RecordKind : std::uint32_t { kStart, kFinish, kComplete, kCounts, kFinal };

// What goes through the socket, either way; the same program is at both ends.
struct Record {
  RecordKind kind = RecordKind::kCounts;
  std::uint32_t error_bytes = 0;
  std::uint64_t number = 0;
  BenchCounts counts;
  std::array<char, 128> error{};
};
static_assert(std::is_trivially_copyable_v<Record>);
static_assert(std::is_trivially_copyable_v<BenchLatency>);

constexpr base::Duration kReportTime = std::chrono::milliseconds(50);

// A socket of records: what does not fit waits.
class RecordSocket : public net::SocketEvents {
 public:
  RecordSocket(net::EpollLoop& loop, int descriptor)
      : loop_(loop), socket_(loop.adopt(descriptor)) {
    loop_.watch(socket_, *this);
  }
  virtual ~RecordSocket() { close(); }

  void send(const void* bytes, std::size_t size) {
    out_.append(static_cast<const char*>(bytes), size);
    flush();
  }
  void send(const Record& record) { send(&record, sizeof(record)); }

 protected:
  virtual std::size_t take(std::string_view bytes) = 0;
  virtual void on_end() = 0;

 private:
  void on_ready(net::Ready ready) override {
    if (ready.writable) flush();
    if (ready.readable || ready.hangup) read();
  }
  void read() {
    while (socket_ != net::SocketHandle::kNone) {
      const auto buffer = loop_.read_buffer();
      const net::IoResult got = loop_.read(socket_, buffer);
      if (got.status == net::IoStatus::kBlocked) return;
      if (got.status == net::IoStatus::kClosed) {
        close();
        return on_end();
      }
      in_.append(reinterpret_cast<const char*>(buffer.data()), got.bytes);
      in_.erase(0, take(in_));
    }
  }
  void flush() {
    while (!out_.empty() && socket_ != net::SocketHandle::kNone) {
      const iovec part{out_.data(), out_.size()};
      const net::IoResult put = loop_.write(socket_, std::span(&part, 1));
      if (put.status != net::IoStatus::kOk) return;
      out_.erase(0, put.bytes);
    }
  }
  void close() {
    if (socket_ != net::SocketHandle::kNone) {
      loop_.close(std::exchange(socket_, net::SocketHandle::kNone));
    }
  }

  net::EpollLoop& loop_;
  net::SocketHandle socket_;
  std::string in_;
  std::string out_;
};

// The worker's end: subscribers, and a report every 50 ms.
class Worker final : public RecordSocket {
 public:
  Worker(net::EpollLoop& loop, int descriptor, const SubscribersOptions& options)
      : RecordSocket(loop, descriptor),
        loop_(loop),
        subscribers_(loop, options, [this](std::uint64_t number) {
          Record record;
          record.kind = RecordKind::kComplete;
          record.number = number;
          send(record);
        }) {}

 private:
  std::size_t take(std::string_view bytes) override {
    std::size_t used = 0;
    for (; bytes.size() - used >= sizeof(Record); used += sizeof(Record)) {
      Record record;
      std::memcpy(&record, bytes.data() + used, sizeof(record));
      if (record.kind == RecordKind::kStart) {
        subscribers_.start();
        report();
      } else if (record.kind == RecordKind::kFinish) {
        send(counts_record(RecordKind::kFinal));
        send(&subscribers_.latency(), sizeof(BenchLatency));
      }
    }
    return used;
  }
  void on_end() override { loop_.stop(); }

  Record counts_record(RecordKind kind) const {
    Record record;
    record.kind = kind;
    record.counts = subscribers_.counts();
    const std::string& error = subscribers_.first_error();
    record.error_bytes = static_cast<std::uint32_t>(std::min(error.size(), record.error.size()));
    std::memcpy(record.error.data(), error.data(), record.error_bytes);
    return record;
  }
  void report() {
    send(counts_record(RecordKind::kCounts));
    loop_.after(kReportTime, [this] { report(); });
  }

  net::EpollLoop& loop_;
  Subscribers subscribers_;
};

[[noreturn]] void run_worker(int descriptor, const SubscribersOptions& options) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent decides when to end; an interrupt from the terminal reaches all of us.
  std::signal(SIGINT, SIG_IGN);
  {
    net::EpollLoop loop;
    const auto worker = std::make_unique<Worker>(loop, descriptor, options);
    loop.run();
  }
  ::_exit(0);
}

}  // namespace

std::vector<BenchWorker> fork_workers(const SubscribersOptions& options, std::uint32_t processes) {
  std::vector<BenchWorker> workers;
  std::uint64_t first = options.first;
  for (std::uint32_t i = 0; i < processes; ++i) {
    SubscribersOptions part = options;
    part.first = first;
    part.count = options.count * (i + 1) / processes - options.count * i / processes;
    part.window = std::max(1U, options.window / processes);
    first += part.count;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) break;
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(ends[0]);
      for (const BenchWorker& other : workers) ::close(other.descriptor);
      run_worker(ends[1], part);
    }
    ::close(ends[1]);
    if (pid < 0) {
      ::close(ends[0]);
      break;
    }
    workers.push_back({pid, ends[0], part});
  }
  return workers;
}

// Our end of the socket to one worker.
class BenchWorkerLink final : public RecordSocket {
 public:
  BenchWorkerLink(Audience& audience, const BenchWorker& worker)
      : RecordSocket(audience.loop_, worker.descriptor), audience_(audience), worker_(worker) {}

  const BenchCounts& counts() const { return counts_; }
  const std::string& error() const { return error_; }
  const BenchWorker& worker() const { return worker_; }

 private:
  std::size_t take(std::string_view bytes) override {
    std::size_t used = 0;
    while (bytes.size() - used >= sizeof(Record)) {
      Record record;
      std::memcpy(&record, bytes.data() + used, sizeof(record));
      const std::size_t tail = record.kind == RecordKind::kFinal ? sizeof(BenchLatency) : 0;
      if (bytes.size() - used < sizeof(record) + tail) break;
      used += sizeof(record);
      if (record.kind == RecordKind::kComplete) {
        audience_.on_worker_complete(record.number);
        continue;
      }
      counts_ = record.counts;
      error_.assign(record.error.data(), record.error_bytes);
      if (tail == 0) continue;
      BenchLatency latency;
      std::memcpy(static_cast<void*>(&latency), bytes.data() + used, sizeof(latency));
      used += tail;
      is_done_ = true;
      audience_.on_worker_done(latency);
    }
    return used;
  }
  void on_end() override {
    if (is_done_) return;
    error_ = "a process of the generator ended";
    counts_.failed += counts_.connected;
    counts_.connected = 0;
    audience_.on_worker_done({});
  }

  Audience& audience_;
  const BenchWorker worker_;
  BenchCounts counts_;
  std::string error_;
  bool is_done_ = false;
};

Audience::Audience(net::EpollLoop& loop, const SubscribersOptions& options,
                   const std::vector<BenchWorker>& workers, Subscribers::Complete on_complete)
    : loop_(loop), channels_(options.channels), on_complete_(std::move(on_complete)) {
  if (workers.empty()) {
    local_ = std::make_unique<Subscribers>(loop, options,
                                           [this](std::uint64_t number) { on_complete_(number); });
  }
  for (const BenchWorker& worker : workers) {
    links_.push_back(std::make_unique<BenchWorkerLink>(*this, worker));
  }
}

Audience::~Audience() {
  std::vector<pid_t> pids;
  for (const auto& link : links_) {
    pids.push_back(link->worker().pid);
    // The socket is only closed with the loop's next iteration, and there is none.
    ::kill(link->worker().pid, SIGTERM);
  }
  links_.clear();
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
}

void Audience::start() {
  if (local_) return local_->start();
  Record record;
  record.kind = RecordKind::kStart;
  for (const auto& link : links_) link->send(record);
}

BenchCounts Audience::counts() const {
  if (local_) return local_->counts();
  BenchCounts sum;
  for (const auto& link : links_) {
    const BenchCounts& part = link->counts();
    sum.connected += part.connected;
    sum.failed += part.failed;
    sum.delivered += part.delivered;
    sum.measured += part.measured;
    sum.duplicates += part.duplicates;
    sum.deltas += part.deltas;
    sum.undecodable += part.undecodable;
    sum.last_ns = std::max(sum.last_ns, part.last_ns);
  }
  return sum;
}

std::string Audience::first_error() const {
  if (local_) return local_->first_error();
  for (const auto& link : links_) {
    if (!link->error().empty()) return link->error();
  }
  return {};
}

void Audience::on_worker_complete(std::uint64_t number) {
  std::uint32_t needed = 0;
  for (const auto& link : links_) {
    if (listeners_of(number % channels_, link->worker().options) > 0) ++needed;
  }
  if (needed > 1) {
    if (++reached_[number] < needed) return;
    reached_.erase(number);
  }
  on_complete_(number);
}

void Audience::on_worker_done(const BenchLatency& latency) {
  merged_.merge(latency);
  ++workers_done_;
  if (done_ && workers_done_ == links_.size()) std::exchange(done_, {})(merged_);
}

void Audience::finish(base::Function<void(BenchLatency)> done) {
  if (local_) return done(local_->latency());
  done_ = std::move(done);
  if (workers_done_ == links_.size()) return std::exchange(done_, {})(merged_);
  Record record;
  record.kind = RecordKind::kFinish;
  for (const auto& link : links_) link->send(record);
}

}  // namespace mr::cli
