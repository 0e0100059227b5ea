#include "cli/args.h"

#include <gtest/gtest.h>

#include <string>

#include "cli/terminal.h"

namespace mr::cli {
namespace {

template <class Options>
Options parsed(const std::vector<std::string>& args) {
  const ToolOptions options = parse_args(args);
  if (const auto* exit = std::get_if<ParseExit>(&options)) ADD_FAILURE() << exit->text;
  return std::get<Options>(options);
}

int exit_code(const std::vector<std::string>& args) {
  return std::get<ParseExit>(parse_args(args)).code;
}

TEST(Args, Trigger) {
  const auto options =
      parsed<TriggerOptions>({"trigger", "--port", "7000", "--app-id", "1", "--channel", "a",
                              "--channel", "b", "--event", "e", "--data", "{}"});
  EXPECT_EQ(options.target.port, 7000);
  EXPECT_EQ(options.target.app_id, "1");
  EXPECT_EQ(options.channels, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(exit_code({"trigger", "--event", "e"}), kExitUsage);
}

TEST(Args, MistakesAreNamedWithTheRemedy) {
  const auto text = [](const std::vector<std::string>& args) {
    return std::get<ParseExit>(parse_args(args)).text;
  };
  EXPECT_EQ(text({"subscribe", "--prot", "1", "c"}),
            "unknown argument '--prot'; did you mean --port?; see millrace subscribe --help\n");
  EXPECT_NE(text({"subscribe", "--port", "99999", "c"}).find("99999 not in range"),
            std::string::npos);
}

TEST(Args, Subscribe) {
  const auto options = parsed<SubscribeOptions>({"subscribe", "--json", "a", "b"});
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.channels.size(), 2u);
  EXPECT_EQ(exit_code({"subscribe"}), kExitUsage);
}

TEST(Args, Replay) {
  EXPECT_EQ(parsed<ReplayOptions>({"replay", "f"}).speed, 1);
  EXPECT_EQ(parsed<ReplayOptions>({"replay", "f", "--max"}).speed, 0);
  EXPECT_EQ(parsed<ReplayOptions>({"replay", "f", "--speed", "10"}).speed, 10);
  EXPECT_EQ(parsed<ReplayOptions>({"replay", "f"}).gap_max, 1);
  EXPECT_EQ(parsed<ReplayOptions>({"replay", "f", "--gap-max", "0.5"}).gap_max, 0.5);
  EXPECT_EQ(exit_code({"replay", "f", "--gap-max", "0"}), kExitUsage);
  EXPECT_EQ(exit_code({"replay", "f", "--speed", "0"}), kExitUsage);
  EXPECT_EQ(exit_code({"replay", "f", "--speed", "nan"}), kExitUsage);
  EXPECT_EQ(exit_code({"replay", "f", "--speed", "2", "--max"}), kExitUsage);
  EXPECT_EQ(exit_code({"replay"}), kExitUsage);
}

TEST(Args, Bench) {
  const auto options = parsed<BenchOptions>(
      {"bench", "-c", "5000", "--rate", "3000", "--size", "1024", "--own-channels", "--floor"});
  EXPECT_EQ(options.connections, 5000u);
  EXPECT_EQ(options.rate, 3000);
  EXPECT_EQ(options.mode, BenchChannels::kOwn);
  EXPECT_TRUE(options.floor);
  EXPECT_EQ(exit_code({"bench", "--rate", "1", "--in-flight", "2"}), kExitUsage);
  EXPECT_EQ(exit_code({"bench", "--size", "10"}), kExitUsage);
  EXPECT_EQ(exit_code({"bench", "--unknown"}), kExitUsage);
}

TEST(Args, HelpIsNoError) {
  for (const std::string tool : {"trigger", "subscribe", "replay", "bench"}) {
    EXPECT_TRUE(is_tool(tool));
    const auto exit = std::get<ParseExit>(parse_args({tool, "--help"}));
    EXPECT_EQ(exit.code, kExitOk);
    EXPECT_NE(exit.text.find("millrace " + tool), std::string::npos) << exit.text;
  }
  EXPECT_FALSE(is_tool("check"));
}

TEST(Terminal, TextsForPeople) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'234'567), "1,234,567");
  EXPECT_EQ(human_time(std::chrono::microseconds(830)), "830 us");
  EXPECT_EQ(human_time(std::chrono::milliseconds(1500)), "1.50 s");
  EXPECT_EQ(ProgressLine::bar(0.5, 4), "[##..]");
  EXPECT_EQ(ProgressLine::bar(7, 4), "[####]");
}

TEST(ArgsTest, ClusterAndBusTailAskTheMetricsPort) {
  const auto cluster = std::get<ClusterOptions>(
      parse_args({"cluster", "probe", "--partitions", "all", "--token", "t", "--json"}));
  EXPECT_EQ(cluster.what, "probe");
  EXPECT_EQ(cluster.partitions, "all");
  EXPECT_EQ(cluster.admin.token, "t");
  EXPECT_EQ(cluster.admin.target.port, 9601);
  EXPECT_TRUE(cluster.json);
  const auto tail = std::get<BusTailOptions>(
      parse_args({"bus", "tail", "--kind", "data", "--kind", "beat", "--metrics-port", "9"}));
  EXPECT_EQ(tail.kinds, (std::vector<std::string>{"data", "beat"}));
  EXPECT_EQ(tail.admin.target.port, 9);
  EXPECT_FALSE(tail.payloads);
  EXPECT_EQ(std::get<ParseExit>(parse_args({"cluster", "nonsense"})).code, kExitUsage);
  EXPECT_EQ(std::get<ParseExit>(parse_args({"cluster", "counters", "--reset"})).code, kExitUsage);
  const auto counters =
      std::get<ClusterOptions>(parse_args({"cluster", "counters", "--app-id", "a", "--channel", "c",
                                           "--conflation-key", "k", "--reset"}));
  EXPECT_EQ(counters.app_id + " " + counters.channel + " " + counters.conflation_key, "a c k");
  EXPECT_TRUE(counters.reset);
  EXPECT_EQ(std::get<ParseExit>(parse_args({"cluster"})).code, kExitUsage);
  EXPECT_EQ(std::get<ParseExit>(parse_args({"bus", "head"})).code, kExitUsage);
}

}  // namespace
}  // namespace mr::cli
