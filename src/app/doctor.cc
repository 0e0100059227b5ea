#include "app/doctor.h"

#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "app/broker_tls.h"
#include "app/bus_probe.h"
#include "app/bus_sources.h"
#include "app/findings.h"
#include "app/server_greeting.h"
#include "cluster/redis/connection.h"
#include "cluster/redis/error_text.h"
#include "config/commands.h"
#include "config/load.h"
#include "net/cpu_limit.h"
#include "net/epoll_runtime.h"
#include "observability/log.h"
#include "observability/log_target.h"

namespace mr::app {
namespace {

using Level = Finding::Level;
using cluster::redis::Reply;

constexpr base::Duration kPatience = std::chrono::seconds(4);  // with each part of the broker
constexpr base::Duration kAgain = std::chrono::milliseconds(100);

// Asks a Redis what it is, what time it has, and whether the script of the registry may run.
class RedisCheck final : public cluster::redis::ConnectionEvents {
 public:
  using Done = base::Function<void(Findings)>;
  RedisCheck(net::Loop& loop, net::Resolver& resolver, const cluster::redis::RedisOptions& options)
      : loop_(loop), options_(options), connection_(loop, resolver, options_, *this) {}
  void start(Done done) {
    done_ = std::move(done);
    deadline_ = loop_.after(kPatience, [this] { finish(); });
    connection_.open();
  }

 private:
  void on_ready() override {
    ask({"INFO"}, [this](const Reply& reply) {
      for (Finding& finding : judge_redis(reply.text)) findings_.push_back(std::move(finding));
    });
    const base::WallTime asked = loop_.clock().wall_now();
    ask({"TIME"}, [this, asked](const Reply& reply) {
      if (reply.elements.size() != 2) return;
      std::int64_t seconds = 0;
      const std::string& text = reply.elements.front().text;
      std::from_chars(text.data(), text.data() + text.size(), seconds);
      const std::int64_t ours =
          (base::unix_ms(asked) + base::unix_ms(loop_.clock().wall_now())) / 2;
      std::int64_t micros = 0;
      const std::string& rest = reply.elements.back().text;
      std::from_chars(rest.data(), rest.data() + rest.size(), micros);
      findings_.push_back(judge_clock(ours - seconds * 1000 - micros / 1000));
    });
    const std::string key = options_.prefix + ":nodes";
    ask({"EVAL", "return redis.call('HGETALL', KEYS[1])", "1", key}, [this](const Reply&) {
      findings_.push_back({Level::kGood, "registry", "nodes may register", {}});
    });
    ask({"PING"}, [this](const Reply&) { end_soon(); });
  }
  void on_push(const Reply&) override {}
  void on_closed(std::string_view why) override {
    findings_.push_back({Level::kError, "broker", std::string(why), {}});
    end_soon();
  }

  // `take` gets what is no error.
  template <class Take>
  void ask(std::vector<std::string> args, Take take) {
    const std::vector<std::string_view> views(args.begin(), args.end());
    connection_.command(views, [this, name = args.front(), take](const Reply& reply) {
      if (reply.kind == Reply::Kind::kLost) return;
      if (!reply.is_error()) return take(reply);
      findings_.push_back(
          {Level::kError,
           "rights",
           cluster::redis::explain("Redis at " + connection_.where(), name, reply.text, options_),
           {}});
    });
  }
  // The connection does not end in its own calls.
  void end_soon() {
    loop_.cancel(deadline_);
    deadline_ = loop_.after(base::Duration::zero(), [this] { finish(); });
  }
  void finish() {
    loop_.cancel(deadline_);
    connection_.close();
    std::exchange(done_, {})(std::move(findings_));
  }

  net::Loop& loop_;
  const cluster::redis::RedisOptions options_;
  cluster::redis::Connection connection_;
  Done done_;
  Findings findings_;
  net::TimerId deadline_ = net::TimerId::kNone;
};

// Everything that needs the broker, one after another on the control loop; then the runtime ends.
class BrokerVisit {
 public:
  BrokerVisit(net::EpollRuntime& runtime, const config::Settings& settings, BusSource& source,
              Findings& findings)
      : runtime_(runtime),
        loop_(runtime.control()),
        resolver_(runtime.worker()),
        settings_(settings),
        source_(source),
        findings_(findings) {}

  void start() {
    const std::uint32_t half = settings_.cluster.partitions / 2;
    probe_ = std::make_unique<BusProbe>(
        loop_, source_, settings_.cluster.secret,
        std::vector{cluster::Subject::kControl, cluster::partition_subject(0),
                    cluster::partition_subject(half)});
    probe_->start([this](const BusProbe::Report& report) { judge_probe(report); });
  }

 private:
  void judge_probe(const BusProbe::Report& report) {
    if (!report.problem.empty()) {
      findings_.push_back({Level::kError, "broker", report.problem, {}});
      return end();
    }
    std::uint64_t slowest_us = 0;
    for (const BusProbe::Result& result : report.results) {
      if (!result.round_trip) {
        findings_.push_back({Level::kError, "bus",
                             "a message through a bus partition did not come back within a second",
                             "look at the broker's load and at what is between"});
        return see_store();
      }
      slowest_us = std::max(slowest_us, static_cast<std::uint64_t>(*result.round_trip /
                                                                   std::chrono::microseconds(1)));
    }
    findings_.push_back({Level::kGood,
                         "bus",
                         "messages go through the broker and come back, the slowest in " +
                             std::to_string(slowest_us) + " us",
                         {}});
    see_store();
  }

  void see_store() {
    store_ = source_.make_store(loop_);
    store_->start();
    until_ = loop_.clock().now() + kPatience;
    try_store();
  }
  // It connects meanwhile. An absent record is read, written and erased.
  void try_store() {
    const cluster::RecordKey key{cluster::Space::kState, "doctor"};
    store_->read(key, [this, key](const cluster::StoreAnswer& read) {
      if (read.kind != cluster::StoreAnswer::Kind::kDone) return again();
      store_->write(key, "1", read.revision, [this, key](const cluster::StoreAnswer& written) {
        if (written.kind != cluster::StoreAnswer::Kind::kDone) return again();
        store_->erase(key, written.revision, [this](const cluster::StoreAnswer& erased) {
          if (erased.kind != cluster::StoreAnswer::Kind::kDone) return again();
          findings_.push_back({Level::kGood, "store", "records are read, written and erased", {}});
          see_server();
        });
      });
    });
  }
  void again() {
    if (loop_.clock().now() < until_) {
      loop_.after(kAgain, [this] { try_store(); });
      return;
    }
    const std::string& why = store_->problem();
    findings_.push_back(
        {Level::kError, "store", why.empty() ? "the broker's store does not answer" : why, {}});
    see_server();
  }

  void see_server() {
    store_->stop();
    if (settings_.broker.driver == config::BrokerDriver::kRedis) {
      redis_ = std::make_unique<RedisCheck>(loop_, resolver_, settings_.broker.redis);
      return redis_->start([this](Findings found) {
        for (Finding& finding : found) findings_.push_back(std::move(finding));
        name_acl();
        end();
      });
    }
    if (settings_.broker.driver == config::BrokerDriver::kRedisCluster) {
      findings_.push_back({Level::kGood,
                           "shards",
                           "version, memory and clock of each server of a Redis Cluster are not "
                           "looked at; bus and store were tried on some of its shards",
                           {}});
      name_acl();
    }
    if (settings_.broker.driver == config::BrokerDriver::kNats) {
      for (const std::string& server : settings_.broker.nats.servers) {
        const std::string greeting = server_greeting(server);
        if (greeting.empty()) {
          findings_.push_back({Level::kWarning, "broker", server + " does not answer",
                               "start it, or take it out of adapter.nats.servers"});
          continue;
        }
        for (Finding& finding : judge_nats(greeting)) {
          finding.text = server + ": " + finding.text;
          findings_.push_back(std::move(finding));
        }
      }
    }
    end();
  }
  void name_acl() {
    findings_.push_back(
        {Level::kGood,
         "acl",
         "an ACL user needs no more than this: " + cluster::redis::acl_line(settings_.broker.redis),
         {}});
  }
  void end() { runtime_.stop(); }

  net::EpollRuntime& runtime_;
  net::Loop& loop_;
  net::Resolver resolver_;
  const config::Settings& settings_;
  BusSource& source_;
  Findings& findings_;
  std::unique_ptr<BusProbe> probe_;
  std::unique_ptr<cluster::Store> store_;
  std::unique_ptr<RedisCheck> redis_;
  base::TimePoint until_{};
};

void see_files(const config::Settings& settings, Findings& findings) {
  // What cannot be raised stays as low as it is, which is told.
  static_cast<void>(net::raise_fd_limit());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  findings.push_back(judge_descriptors(limit.rlim_cur, settings.session.max_connections));
}

void see_broker(config::Settings settings, Findings& findings) {
  if (settings.broker.driver == config::BrokerDriver::kLocal) {
    findings.push_back(
        {Level::kGood, "broker", "none is configured: this is a node on its own", {}});
    return;
  }
  if (const auto opened = open_broker_tls(settings.broker); !opened) {
    findings.push_back({Level::kError, "tls", opened.error().detail, {}});
    return;
  }
  net::EpollRuntime runtime(1);
  observability::LogOptions quiet;
  quiet.level = "off";
  auto target = observability::open_log_target(quiet.file);
  observability::Log log(quiet, runtime.control().clock(), std::move(target).value());
  {
    const std::unique_ptr<BusSource> source = make_bus_source(settings, runtime, log);
    BrokerVisit visit(runtime, settings, *source, findings);
    runtime.start();
    runtime.control().post([&visit] { visit.start(); });
    static_cast<void>(runtime.run_until_stopped());
  }
}

}  // namespace

int run_doctor(std::vector<std::string> args) {
  const bool is_json = std::erase(args, "--json") > 0;
  const config::LoadOutcome outcome = config::load(config::input_of_process(args));
  Findings findings;
  for (const std::string& error : outcome.errors) {
    findings.push_back({Level::kError, "configuration", error, {}});
  }
  for (const std::string& warning : outcome.warnings) {
    findings.push_back({Level::kWarning, "configuration", warning, {}});
  }
  if (outcome.ok()) {
    if (findings.empty()) findings.push_back({Level::kGood, "configuration", "it is valid", {}});
    see_files(outcome.settings, findings);
    see_broker(outcome.settings, findings);
  }
  const std::string text = is_json ? to_json(findings) : to_text(findings);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return outcome.ok() ? exit_code_of(findings) : config::kExitConfig;
}

}  // namespace mr::app
