#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/planted.h"
#include "delta_model/replay.h"

namespace mr::delta_model {
namespace {

std::size_t runs(std::size_t usual) {
  const char* wanted = std::getenv("MILLRACE_RUNS");
  return wanted == nullptr ? usual : std::strtoul(wanted, nullptr, 10);
}

using Trace = std::vector<std::string>;

// The output of base_rules.py by seed; one more when it failed.
std::vector<Trace> traces(std::size_t first, std::size_t count) {
  const std::string command = std::string(MR_PYTHON) + " " + MR_BASE_RULES + " trace " +
                              std::to_string(first) + " " + std::to_string(count);
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::vector<Trace> all;
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    if (line.starts_with("[\"seed\"")) all.emplace_back();
    all.back().push_back(std::exchange(line, {}));
  }
  if (::pclose(pipe) != 0) all.emplace_back();
  return all;
}

TEST(DeltaModelTest, ProductAndModelGiveTheSameFrames) {
  const std::size_t count = runs(200);
  const std::vector<Trace> all = traces(0, count);
  ASSERT_EQ(all.size(), count) << "base_rules.py check says which seed breaks a rule";
  std::size_t frames = 0;
  for (std::size_t seed = 0; seed < count; ++seed) {
    Replay replay(seed);
    const auto difference = replay.run(all[seed]);
    ASSERT_FALSE(difference) << "seed " << seed << ": " << *difference;
    frames += replay.frames_compared();
  }
  std::printf("%zu frames of %zu seeds are equal\n", frames, count);
  EXPECT_GT(frames, count * 20);
}

#ifdef MR_PLANTING

// The first of the seeds for which product and model differ; their number when they agree.
std::size_t first_difference(const std::vector<Trace>& all) {
  for (std::size_t seed = 0; seed < all.size(); ++seed) {
    if (Replay(seed).run(all[seed])) return seed;
  }
  return all.size();
}

// Each with the rule that it breaks; what the rule is for is in base_rules.py.
constexpr const char* kPlanted[] = {
    "algorithm_omitted",
    "behind_for_ever",
    "bits_of_the_new_one",
    "deltas_until_answer",
    "drop_ignored",
    "empty_sync_counts",
    "exclusion_ignored",
    "falsy_inside",
    "filter_ignores_base",
    "filter_keeps_joined",
    "forced_full_outside",
    "forced_full_restarts",
    "heads_not_judged",
    "hidden_is_left_out",
    "interval_off_by_one",
    "key_not_escaped",
    "last_passed_stay",
    "mark_comes_late",
    "member_is_base",
    "member_text_outside",
    "never_suspended",
    "no_default_key",
    "no_sync",
    "numbers_per_chain",
    "only_the_bytes",
    "only_the_chains_base",
    "outside_becomes_base",
    "overflow_keeps_joined",
    "overflow_off_by_one",
    "partial_not_counted",
    "plain_counts",
    "rekey_keeps_chain",
    "reserved_inside",
    "stale_filter_bits",
    "state_when_gathered",
    "suspended_becomes_base",
    "sync_not_atomic",
    "sync_not_counted",
    "sync_overtakes",
    "unkeyed_no_sync",
    "use_is_not_noted",
};

TEST(DeltaModelTest, EveryPlantedBugIsCaught) {
  const std::size_t count = runs(300);
  const std::vector<Trace> all = traces(0, count);
  ASSERT_EQ(all.size(), count);
  for (const char* name : kPlanted) {
    base::planted = name;
    const std::size_t seed = first_difference(all);
    base::planted = {};
    EXPECT_LT(seed, count) << name << " is not noticed";
    if (count > 1000) std::printf("%-24s caught by seed %zu\n", name, seed);
  }
  EXPECT_EQ(first_difference(all), count) << "without a planted bug";
}

#endif

}  // namespace
}  // namespace mr::delta_model
