#include "app/cluster_admin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/counters_json.h"
#include "app/envelope_json.h"
#include "config/schema.h"
#include "delta/wire_key.h"
#include "json/writer.h"
#include "observability/escape.h"

namespace mr::app {
namespace {

constexpr std::uint32_t kProbedPartitions = 16;
constexpr std::uint32_t kCountersMax = 1000;  // of one page

class Object {
 public:
  explicit Object(json::Writer& out) : out_(out) { out_.begin_object(); }
  ~Object() { out_.end_object(); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  Object& text(std::string_view key, std::string_view value) {
    out_.key(key);
    out_.string(observability::to_valid_utf8(value));
    return *this;
  }
  template <class Number>
  Object& number(std::string_view key, Number value) {
    out_.key(key);
    out_.number(static_cast<std::uint64_t>(value));
    return *this;
  }
  Object& flag(std::string_view key, bool value) {
    out_.key(key);
    out_.boolean(value);
    return *this;
  }

 private:
  json::Writer& out_;
};

std::string_view param(const http::Params& query, std::string_view name) {
  const std::string* const value = http::find_param(query, name);
  return value == nullptr ? "" : std::string_view(*value);
}

// False: it is no number from 1.
bool read_count(std::string_view text, std::uint32_t& count) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  return error == std::errc{} && at == end && count != 0;
}

// Of one counter. Nothing: something is missing, or the key is none.
std::optional<cluster::CounterKey> counter_of(const http::Params& query) {
  cluster::CounterKey key{std::string(param(query, "app")), std::string(param(query, "channel")),
                          std::string(param(query, "key"))};
  const bool is_whole = !key.app_id.empty() && !key.channel.empty() && !key.conflation_key.empty();
  if (!is_whole || !delta::parse_wire_key(key.conflation_key)) return std::nullopt;
  return key;
}

constexpr const char* kCounterWanted =
    "one counter is named by app, channel and key, the key as the list of counters shows it";

std::uint64_t microseconds(base::Duration time) {
  return static_cast<std::uint64_t>(std::max(time, base::Duration::zero()) /
                                    std::chrono::microseconds(1));
}

std::string_view status_of(const cluster::NodeLine& line) {
  if (!line.is_alive) return "offline";
  return line.status.empty() ? "unknown" : std::string_view(line.status);
}

void put_load(json::Writer& out, const cluster::NodeLoad& load) {
  out.key("load");
  Object(out)
      .number("connections", load.connections)
      .number("loop_delay_us", load.loop_delay_us)
      .number("cpu_permille", load.cpu_permille)
      .number("resident_bytes", load.resident_bytes)
      .number("queued_bytes", load.queued_bytes)
      .number("messages_per_second", load.messages_per_second)
      .number("bytes_per_second", load.bytes_per_second);
}

// Spread evenly, so that each loop and each shard of a broker has some.
std::vector<cluster::Subject> sample(std::uint32_t partitions, std::uint32_t count) {
  std::vector<cluster::Subject> subjects = {cluster::Subject::kControl};
  count = std::min(count, partitions);
  for (std::uint64_t i = 0; i < count; ++i) {
    subjects.push_back(
        cluster::partition_subject(static_cast<std::uint32_t>(i * partitions / count)));
  }
  return subjects;
}

std::string probe_json(const BusProbe::Report& report) {
  std::string text;
  json::Writer out(text);
  std::vector<std::uint64_t> times;
  out.begin_object();
  out.key("results");
  out.begin_array();
  for (const BusProbe::Result& result : report.results) {
    Object line(out);
    line.text("subject", to_text(result.subject));
    if (!result.round_trip) continue;
    times.push_back(microseconds(*result.round_trip));
    line.number("round_trip_us", times.back());
  }
  out.end_array();
  out.key("asked");
  out.number(std::uint64_t{report.results.size()});
  out.key("answered");
  out.number(std::uint64_t{times.size()});
  if (!times.empty()) {
    std::ranges::sort(times);
    out.key("round_trip_us");
    Object(out)
        .number("min", times.front())
        .number("p50", times[times.size() / 2])
        .number("max", times.back());
  }
  out.end_object();
  return text;
}

}  // namespace

bool ClusterAdmin::tell(std::string_view topic, const http::Params& query, Done done) {
  struct Topic {
    std::string_view name;
    void (ClusterAdmin::*tell)(const http::Params&, Done);
  };
  constexpr std::array kTopics{Topic{"GET status", &ClusterAdmin::status},
                               Topic{"GET nodes", &ClusterAdmin::nodes},
                               Topic{"GET bus", &ClusterAdmin::bus},
                               Topic{"GET tail", &ClusterAdmin::tail},
                               Topic{"POST probe", &ClusterAdmin::probe},
                               Topic{"GET counters", &ClusterAdmin::counters},
                               Topic{"POST counters", &ClusterAdmin::reset_counter}};
  const auto found = std::ranges::find(kTopics, topic, &Topic::name);
  if (found == kTopics.end()) return false;
  (this->*found->tell)(query, std::move(done));
  return true;
}

void ClusterAdmin::status(const http::Params&, Done done) {
  const cluster::Control& control = link_.control();
  std::map<std::string_view, std::uint64_t> statuses;
  cluster::NodeLoad sum;
  for (const cluster::NodeLine& line : control.table().lines()) {
    ++statuses[status_of(line)];
    if (!line.is_alive) continue;
    sum.connections += line.load.connections;
    sum.messages_per_second += line.load.messages_per_second;
    sum.bytes_per_second += line.load.bytes_per_second;
  }
  const cluster::NodeLine& own = control.table().lines().front();
  std::string text;
  json::Writer out(text);
  {
    Object status(out);
    status.text("node", own.name)
        .text("boot", cluster::to_text(own.boot))
        .text("driver", config::driver_name(settings_))
        .text("prefix", settings_.cluster.prefix)
        .flag("is_signed", !settings_.cluster.secret.empty())
        .number("partitions", settings_.cluster.partitions)
        .flag("is_linked", control.is_linked())
        .flag("is_heard", control.is_heard())
        .text("problem", link_.problem())
        .text("reason", control.is_heard() ? "" : link_.broker_problem())
        .number("connections", sum.connections)
        .number("messages_per_second", sum.messages_per_second)
        .number("bytes_per_second", sum.bytes_per_second);
    out.key("nodes");
    Object nodes(out);
    for (const auto& [name, count] : statuses) nodes.number(name, count);
  }
  done({std::move(text)});
}

void ClusterAdmin::nodes(const http::Params&, Done done) {
  const auto& lines = link_.control().table().lines();
  const base::TimePoint now = loop_.clock().now();
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("nodes");
  out.begin_array();
  for (const cluster::NodeLine& line : lines) {
    Object node(out);
    const bool is_self = &line == &lines.front();
    node.text("name", line.name)
        .text("boot", cluster::to_text(line.boot))
        .flag("is_self", is_self)
        .text("status", status_of(line))
        .text("address", line.facts.address)
        .number("port", line.facts.port)
        .text("region", line.facts.region)
        .text("version", line.facts.version)
        .number("capacity", line.facts.capacity)
        .number("heard_ms_ago", is_self ? 0 : microseconds(now - line.heard) / 1000);
    put_load(out, line.load);
  }
  out.end_array();
  out.end_object();
  done({std::move(text)});
}

void ClusterAdmin::bus(const http::Params&, Done done) {
  link_.ask_buses([done = std::move(done)](std::vector<ClusterLink::LoopBus> loops) mutable {
    std::string text;
    json::Writer out(text);
    out.begin_object();
    out.key("loops");
    out.begin_array();
    for (const auto& [state, counters] : loops) {
      Object(out)
          .flag("is_up", state.is_up)
          .flag("is_deaf", state.is_deaf)
          .number("queued_bytes", state.queued_bytes)
          .number("published", counters.published)
          .number("delivered", counters.delivered)
          .number("echoes", counters.echoes)
          .number("duplicates", counters.duplicates)
          .number("missed", counters.missed)
          .number("gaps_unknown", counters.gaps_unknown)
          .number("queue_dropped", state.queue_dropped)
          .number("resubscribed", counters.resubscribed)
          .number("markers_late", counters.markers_late);
    }
    out.end_array();
    out.end_object();
    done({std::move(text)});
  });
}

void ClusterAdmin::probe(const http::Params& query, Done done) {
  if (probe_) return done({{}, "a probe is under way; ask again in some seconds"});
  const std::string_view wanted = param(query, "partitions");
  std::uint32_t count = kProbedPartitions;
  if (wanted == "all") {
    count = settings_.cluster.partitions;
  } else if (!wanted.empty() && !read_count(wanted, count)) {
    return done({{}, "partitions must be a number from 1, or \"all\""});
  }
  probe_ = std::make_unique<BusProbe>(loop_, source_, settings_.cluster.secret,
                                      sample(settings_.cluster.partitions, count));
  probe_->start([this, done = std::move(done)](BusProbe::Report report) mutable {
    const std::unique_ptr<BusProbe> ended = std::move(probe_);
    if (!report.problem.empty()) return done({{}, std::move(report.problem)});
    done({probe_json(report)});
  });
}

void ClusterAdmin::counters(const http::Params& query, Done done) {
  CounterQuestion::Asked asked;
  if (http::find_param(query, "key") != nullptr) {
    auto key = counter_of(query);
    if (!key) return done({{}, kCounterWanted});
    asked.kind = CounterQuestion::Asked::Kind::kRead;
    asked.key = std::move(*key);
  } else {
    asked.query.app_id = param(query, "app");
    asked.query.channel = param(query, "channel");
    asked.query.cursor = param(query, "cursor");
    std::uint32_t limit = static_cast<std::uint32_t>(asked.query.limit);
    const std::string_view wanted = param(query, "limit");
    if (!wanted.empty() && (!read_count(wanted, limit) || limit > kCountersMax)) {
      return done({{}, "limit must be a number from 1 to " + std::to_string(kCountersMax)});
    }
    asked.query.limit = limit;
  }
  ask_counters(std::move(asked), std::move(done), &counters_json);
}

void ClusterAdmin::reset_counter(const http::Params& query, Done done) {
  auto key = counter_of(query);
  if (!key) return done({{}, kCounterWanted});
  ask_counters({CounterQuestion::Asked::Kind::kReset, {}, std::move(*key)}, std::move(done),
               [](const cluster::CounterPage&) { return std::string(R"({"is_reset":true})"); });
}

void ClusterAdmin::ask_counters(CounterQuestion::Asked asked, Done done,
                                std::string (*json)(const cluster::CounterPage&)) {
  if (question_) return done({{}, "counters are being asked for; ask again in some seconds"});
  question_ = std::make_unique<CounterQuestion>(loop_, source_, std::move(asked));
  question_->start([this, done = std::move(done), json](cluster::CounterPage page) mutable {
    const std::unique_ptr<CounterQuestion> ended = std::move(question_);
    if (!page.problem.empty()) return done({{}, std::move(page.problem)});
    done({json(page)});
  });
}

void ClusterAdmin::tail(const http::Params& query, Done done) {
  TailFilter filter;
  filter.app_id = param(query, "app");
  filter.channel = param(query, "channel");
  filter.with_payloads = param(query, "payloads") == "1";
  for (const auto& [name, value] : query) {
    if (name == "kind") filter.kinds.insert(value);
  }
  link_.look_at_envelopes(filter, [done = std::move(done)](BusTap::Seen seen) mutable {
    std::string text = "{\"envelopes\":[";
    for (const std::string& line : seen.lines) {
      if (!text.ends_with('[')) text.push_back(',');
      text.append(line);
    }
    text.append("],\"skipped\":").append(std::to_string(seen.skipped)).append("}");
    done({std::move(text)});
  });
}

}  // namespace mr::app
