#include "config/commands.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "config/loading.h"
#include "config/tree.h"

namespace mr::config {
namespace {

struct Captured {
  std::optional<int> code;
  std::string out;
  std::string err;
};

Captured run(std::vector<std::string> args, Environment environment = {},
             std::map<std::string, std::string> files = {}) {
  Captured captured;
  Console console{[&](std::string_view text) { captured.out += text; },
                  [&](std::string_view text) { captured.err += text; }};
  captured.code = run_command(std::move(args),
                              make_input({}, std::move(environment), std::move(files)), console);
  return captured;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string source_file(const std::string& path) {
  std::ifstream file(std::string(MR_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CommandsTest, TheReferencePageIsCurrent) {
  EXPECT_EQ(run({"config", "docs"}).out, source_file("docs/configuration.md"))
      << "run: millrace config docs > docs/configuration.md";
}

TEST(CommandsTest, TheExampleFileIsValid) {
  const Captured result = run({"check", "example.yaml"}, {{"APP_SECRET", "s"}},
                              {{"example.yaml", source_file("config/millrace.example.yaml")}});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "example.yaml: valid: 1 app(s), 0 warning(s)\n");
}

TEST(CommandsTest, CheckPrintsAllProblemsAndGivesTwo) {
  const Captured result = run({"check", "c.yaml"}, {}, {{"c.yaml", "port: x\nprot: 1\n"}});
  EXPECT_EQ(result.code, 2);
  EXPECT_TRUE(contains(result.err, "error: c.yaml:1:7: \"port\"")) << result.err;
  EXPECT_TRUE(contains(result.err, "error: c.yaml:2:1: unknown key \"prot\"")) << result.err;
  EXPECT_TRUE(contains(result.err, "3 problem(s)")) << result.err;
}

TEST(CommandsTest, CheckPrintsWarnings) {
  const Captured result =
      run({"check", "c.yaml"}, {}, {{"c.yaml", std::string(kApp) + "history: {enabled: true}\n"}});
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(contains(result.err, "warning: c.yaml:2:1: \"history\" has no effect")) << result.err;
}

TEST(CommandsTest, ShowMasksSecretsAndNamesOrigins) {
  const Captured result = run({"config", "show", "--origin", "--config", "c.yaml"},
                              {{"PORT", "7000"}}, {{"c.yaml", kApp}});
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(contains(result.out, "port: 7000 ")) << result.out;
  EXPECT_TRUE(contains(result.out, "# env PORT\n"));
  EXPECT_TRUE(contains(result.out, "apps[0].secret: \"****\""));
  const Captured plain = run({"config", "show"});
  EXPECT_FALSE(contains(plain.out, "#"));
}

TEST(CommandsTest, ShowAsJsonIsReadable) {
  const Captured result = run({"config", "show", "--json", "--origin"});
  EXPECT_TRUE(contains(result.out, "\"port\": {\"value\": 6001, \"origin\": \"default\"}"));
  EXPECT_TRUE(read_document(result.out).faults.empty());
  EXPECT_TRUE(contains(run({"config", "show", "--json"}).out, "\"port\": 6001"));
}

TEST(CommandsTest, CompletionKnowsCommandsFlagsAndKeys) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Captured result = run({"completion", shell});
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(contains(result.out, "metrics.port=")) << shell;
    EXPECT_TRUE(contains(result.out, "subscribe")) << shell;
  }
  EXPECT_EQ(run({"completion", "csh"}).code, 2);
  EXPECT_EQ(run({"completion"}).code, 2);
}

TEST(CommandsTest, HelpAndVersion) {
  EXPECT_TRUE(contains(run({"--help"}).out, "--port VALUE"));
  EXPECT_EQ(run({"-h"}).out, run({"help"}).out);
  EXPECT_TRUE(run({"version"}).out.starts_with("millrace "));
  EXPECT_EQ(run({"--version"}).code, 0);
}

TEST(CommandsTest, HelpIsUnderstoodBehindCommandsAndFlags) {
  const std::vector<std::vector<std::string>> lines = {
      {"start", "--help"},          {"check", "--help"},      {"check", "c.yaml", "-h"},
      {"config", "show", "--help"}, {"completion", "--help"}, {"--port", "6500", "--help"}};
  for (const auto& line : lines) {
    const Captured result = run(line);
    EXPECT_EQ(result.code, 0) << line.front();
    EXPECT_EQ(result.out, run({"--help"}).out) << line.front();
  }
  for (const char* tool : {"bench", "replay", "trigger", "subscribe", "top", "cluster", "bus"}) {
    EXPECT_FALSE(run({tool, "--help"}).code.has_value()) << "the tools have their own";
  }
}

TEST(CommandsTest, OtherArgumentsAreLeftToTheCaller) {
  EXPECT_FALSE(run({}).code.has_value());
  EXPECT_FALSE(run({"--port", "1"}).code.has_value());
  EXPECT_FALSE(run({"bench"}).code.has_value());
  EXPECT_EQ(run({"config"}).code, 2);
  EXPECT_EQ(run({"config", "docs", "extra"}).code, 2);
}

TEST(CommandsTest, TheProcessReadsItsFilesAndEnvironment) {
  LoadInput input = input_of_process({"--config", MR_SOURCE_DIR "/no-such-file.yaml"});
  EXPECT_FALSE(input.environment.empty());
  EXPECT_TRUE(input.read_file(MR_SOURCE_DIR "/CMakeLists.txt").ok());
  EXPECT_FALSE(input.read_file(MR_SOURCE_DIR).ok());
  EXPECT_EQ(input.why_not_writable(MR_SOURCE_DIR "/CMakeLists.txt"), "");
  EXPECT_EQ(input.why_not_writable("/dev/null"), "");
  EXPECT_NE(input.why_not_writable(MR_SOURCE_DIR "/no-such-folder/a.log"), "");
  EXPECT_FALSE(load(std::move(input)).ok());
}

}  // namespace
}  // namespace mr::config
