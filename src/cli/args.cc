#include "cli/args.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <sstream>

#include "cli/bench_types.h"
#include "cli/terminal.h"
#include "config/suggest.h"

namespace mr::cli {
namespace {

constexpr std::uint16_t kMetricsPort = 9601;

constexpr std::array<std::string_view, 7> kTools{"trigger", "subscribe", "replay", "top",
                                                 "cluster", "bus",       "bench"};

// CLI::Range would let "nan" pass.
CLI::Validator between(double low, double high) {
  const std::string range = "from " + fixed(low, 3) + " to " + with_commas(std::uint64_t(high));
  return {[low, high, range](std::string& text) {
            double value = 0;
            const bool is_good =
                CLI::detail::lexical_cast(text, value) && value >= low && value <= high;
            return is_good ? std::string() : "'" + text + "' is not a number " + range;
          },
          range};
}

void add_target(CLI::App& app, Target& target, bool with_rest) {
  app.add_option("--host", target.host, "the server's name or address")->capture_default_str();
  app.add_option("--port", target.port, "its port")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--key", target.key, "the app's key")->capture_default_str();
  app.add_option("--secret", target.secret, "the app's secret")
      ->envname("MILLRACE_SECRET")
      ->capture_default_str();
  if (with_rest) {
    app.add_option("--app-id", target.app_id, "the app's id")->capture_default_str();
  }
}

void add_trigger(CLI::App& app, TriggerOptions& options) {
  add_target(app, options.target, true);
  app.add_option("--channel", options.channels, "where to publish; may be repeated")->required();
  app.add_option("--event", options.event, "the event's name")->required();
  app.add_option("--data", options.data, "what subscribers get, usually JSON")->required();
}

void add_subscribe(CLI::App& app, SubscribeOptions& options) {
  add_target(app, options.target, false);
  app.add_option("--channel,channel", options.channels,
                 "what to listen to; may be repeated. Private and presence channels are signed "
                 "with the secret")
      ->required();
  app.add_option("--user-id", options.user_id, "who we are on presence channels")
      ->capture_default_str();
  app.add_option("--count", options.count, "end after so many events; 0: never")
      ->check(between(0, 1e15));
  app.add_flag("--json", options.json,
               "print the frames as they came (with --delta: as they were rebuilt), one a line");
  CLI::Option* delta =
      app.add_flag("--delta", options.delta,
                   "take deltas, rebuild the messages, and say at the end what it saved");
  app.add_option("--algorithm", options.delta_algorithm, "of the deltas; else the server chooses")
      ->check(CLI::IsMember({"fossil", "xdelta3"}))
      ->needs(delta);
  app.add_option("--filter", options.filter,
                 "hear only events with such tags: JSON, as {\"key\":\"symbol\",\"cmp\":\"eq\","
                 "\"val\":\"AAPL\"}");
}

void add_replay(CLI::App& app, ReplayOptions& options) {
  add_target(app, options.target, true);
  app.add_option("file", options.file,
                 "a recording: one JSON object a line with ts (seconds), channel, event, data")
      ->required();
  CLI::Option* speed = app.add_option("--speed", options.speed, "times as fast as it was recorded")
                           ->check(between(0.001, 1e6))
                           ->capture_default_str();
  app.add_option("--gap-max", options.gap_max,
                 "seconds between two events at most, before --speed: longer pauses are cut")
      ->check(between(0.001, 1e6))
      ->capture_default_str();
  app.add_flag_callback(
         "--max", [&options] { options.speed = 0; }, "as fast as the server answers")
      ->excludes(speed);
  app.add_option("--batch", options.batch, "events per request at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "requests without an answer at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "print the summary as JSON");
}

void add_top(CLI::App& app, TopOptions& options) {
  options.target.port = kMetricsPort;
  app.add_option("what", options.what, "what to show: deltas")
      ->check(CLI::IsMember({"deltas"}))
      ->required();
  app.add_option("--host", options.target.host, "the node's name or address")
      ->capture_default_str();
  app.add_option("--metrics-port", options.target.port, "the port of its metrics")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--interval", options.interval, "seconds between two looks, on a terminal")
      ->check(between(0.1, 3600))
      ->capture_default_str();
  app.add_flag("--once", options.once, "look once; elsewhere than on a terminal it always does");
  app.add_flag("--json", options.json, "print the rows as JSON, once");
}

void add_admin(CLI::App& app, AdminTarget& admin) {
  admin.target.port = kMetricsPort;
  app.add_option("--host", admin.target.host, "the node's name or address")->capture_default_str();
  app.add_option("--metrics-port", admin.target.port, "the port of its metrics")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--token", admin.token, "its admin.token; from its own machine none is needed")
      ->envname("MILLRACE_ADMIN_TOKEN");
}

void add_cluster(CLI::App& app, ClusterOptions& options) {
  app.add_option("what", options.what,
                 "status: how the cluster is; nodes: who is there, and how busy; bus: what the "
                 "node sent and heard; probe: sends a message through bus partitions and measures "
                 "when it comes back; counters: of delta chains that all nodes count together")
      ->check(CLI::IsMember({"status", "nodes", "bus", "probe", "counters"}))
      ->required();
  add_admin(app, options.admin);
  app.add_option("--partitions", options.partitions,
                 "of probe: how many, spread evenly, or all; 16 unless told");
  CLI::Option* app_id = app.add_option("--app-id", options.app_id, "of counters: only this app's");
  CLI::Option* channel =
      app.add_option("--channel", options.channel, "of counters: only this channel's");
  CLI::Option* key = app.add_option("--conflation-key", options.conflation_key,
                                    "of counters: this one alone, as the list shows its key")
                         ->needs(app_id, channel);
  app.add_option("--limit", options.limit, "of counters: enough for a page; 100 unless told")
      ->check(CLI::Range(1, 1000))
      ->excludes(key);
  app.add_option("--cursor", options.cursor, "of counters: the page that begins there")
      ->excludes(key);
  app.add_flag("--reset", options.reset, "of counters: the next message of this one is the first")
      ->needs(key);
  app.add_flag("--json", options.json, "print what the node answered");
}

void add_bus(CLI::App& app, BusTailOptions& options) {
  app.add_option("what", options.what, "tail: what the node sends and hears, as JSON lines")
      ->check(CLI::IsMember({"tail"}))
      ->required();
  add_admin(app, options.admin);
  app.add_option("--app-id", options.app_id, "only events of this app");
  app.add_option("--channel", options.channel, "only events of this channel, or of prefix*");
  app.add_option("--kind", options.kinds,
                 "only envelopes of this kind (data, beat, mark...); may "
                 "be repeated");
  app.add_flag("--payloads", options.payloads, "with the events' data, 4 KiB of each at most");
  app.add_option("--count", options.count, "end after so many lines; 0: never")
      ->check(between(0, 1e15));
}

void add_bench_load(CLI::App& app, BenchOptions& options) {
  app.add_option("--connections,-c", options.connections, "subscribers")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  CLI::Option* channels =
      app.add_option("--channels", options.channels, "channels that the connections share")
          ->check(CLI::Range(1, 1'000'000))
          ->capture_default_str();
  app.add_flag_callback(
         "--own-channels", [&options] { options.mode = BenchChannels::kOwn; },
         "each connection listens to a channel of its own")
      ->excludes(channels);
  app.add_flag("--private", options.are_private,
               "the channels are private: each subscription is signed with the secret");
  app.add_option("--subscriptions", options.subscriptions,
                 "of each connection, to as many channels; their number is at least this")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--keys", options.keys,
                 "the data is an object whose \"symbol\" goes round so many values; 0: no object")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  CLI::Option* delta =
      app.add_flag("--delta", options.delta, "the subscribers take deltas and decode them");
  app.add_option("--algorithm", options.delta_algorithm, "of the deltas; else the server chooses")
      ->check(CLI::IsMember({"fossil", "xdelta3"}))
      ->needs(delta);
  app.add_option("--size", options.size, "bytes of data in a message")
      ->check(CLI::Range(static_cast<int>(BenchMark::kBytes), 1 << 20))
      ->capture_default_str();
  CLI::Option* in_flight =
      app.add_option("--in-flight", options.in_flight,
                     "closed loop: publishes that are not delivered to all yet")
          ->check(CLI::Range(1, 10'000))
          ->capture_default_str();
  app.add_option("--rate", options.rate, "open loop: publishes a second")
      ->check(CLI::Range(0.1, 1e6))
      ->excludes(in_flight);
}

void add_bench(CLI::App& app, BenchOptions& options) {
  add_target(app, options.target, true);
  add_bench_load(app, options);
  CLI::Option* seconds =
      app.add_option("--seconds", options.seconds, "how long to measure; 0: only connect")
          ->check(between(0, 1e6))
          ->capture_default_str();
  app.add_option("--publishes", options.publishes,
                 "end the measurement after so many, however long they take")
      ->check(between(0, 1e15))
      ->excludes(seconds);
  app.add_option("--warm-up", options.warm_up, "seconds of load before it")
      ->check(between(0, 1e6))
      ->capture_default_str();
  app.add_option("--settle", options.settle, "seconds to wait for what is missing")
      ->check(between(0, 1e6))
      ->capture_default_str();
  app.add_option("--idle", options.idle, "seconds at rest before memory is read again")
      ->check(between(0, 1e6))
      ->capture_default_str();
  app.add_option("--processes", options.processes, "of subscribers; 0: one per 15,000")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--connect-window", options.connect_window, "handshakes under way at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--ports", options.ports,
                 "of several nodes of a cluster, instead of --port: the subscribers of a channel "
                 "are spread over them, and each channel is published through one")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535));
  app.add_option("--server-pid", options.server_pids,
                 "the server's process, of several nodes theirs: CPU and memory are reported")
      ->delimiter(',');
  app.add_flag("--poll", options.poll,
               "one process that never sleeps under load: waking it costs the server nothing");
  app.add_flag("--floor", options.floor,
               "the server is bare: any upgrade subscribes, POST /publish sends its body to all");
  app.add_flag("--json", options.json, "print the report as JSON");
}

// "--prot" is no option of this tool: was it "--port"?
ParseExit refuse_extras(const CLI::App& app) {
  const std::string extra = app.remaining().empty() ? "" : app.remaining().front();
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string near = config::nearest(extra, known);
  return {kExitUsage, "unknown argument '" + extra + "'" +
                          (near.empty() ? "" : "; did you mean " + near + "?") + "; see " +
                          app.get_name() + " --help\n"};
}

template <class Options, class Add>
ToolOptions parse(const std::vector<std::string>& args, const std::string& text, Add add) {
  CLI::App app(text, "millrace " + args.front());
  Options options;
  add(app, options);
  std::vector<std::string> rest(args.rbegin(), args.rend() - 1);  // the library wants them reversed
  try {
    app.parse(rest);
  } catch (const CLI::ExtrasError&) {
    return refuse_extras(app);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool is_help = app.exit(error, out, err) == 0;
    return ParseExit{is_help ? kExitOk : kExitUsage, is_help ? out.str() : err.str()};
  }
  return options;
}

}  // namespace

bool is_tool(const std::string& name) {
  return std::find(kTools.begin(), kTools.end(), name) != kTools.end();
}

ToolOptions parse_args(const std::vector<std::string>& args) {
  const std::string& tool = args.front();
  if (tool == "trigger") {
    return parse<TriggerOptions>(args, "Publishes one event through the signed REST API.",
                                 add_trigger);
  }
  if (tool == "subscribe") {
    return parse<SubscribeOptions>(
        args, "Prints what subscribers of channels get: channel, event and data, tab-separated.",
        add_subscribe);
  }
  if (tool == "replay") {
    return parse<ReplayOptions>(args, "Publishes a recording through the REST API, in its order.",
                                add_replay);
  }
  if (tool == "top") {
    return parse<TopOptions>(
        args, "Shows what deltas save on a node, by app and channel pattern, from its metrics.",
        add_top);
  }
  if (tool == "cluster") {
    return parse<ClusterOptions>(args, "Asks a node about its cluster.", add_cluster);
  }
  if (tool == "bus") {
    return parse<BusTailOptions>(args, "Shows what passes between nodes, as one of them sees it.",
                                 add_bus);
  }
  return parse<BenchOptions>(
      args, "Loads a server with subscribers and publishes, and reports what was delivered.",
      add_bench);
}

}  // namespace mr::cli
