#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "base/random.h"
#include "delta/encoder.h"
#include "delta/texts.h"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* place = std::malloc(bytes > 0 ? bytes : 1)) return place;
  throw std::bad_alloc();
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }

namespace mr::delta {
namespace {

TEST(AllocationTest, ASteadyStreamAllocatesNothing) {
  constexpr std::uint64_t kSeed = 71;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  base::SeededRandom random(kSeed);
  std::vector<std::string> texts = {test::random_text(random, 2000)};
  for (int i = 0; i < 200; ++i) texts.push_back(test::changed_text(random, texts.back()));
  Encoder encoder;
  std::string out;
  const auto stream = [&] {
    for (std::size_t i = 1; i < texts.size(); ++i) {
      for (const Algorithm algorithm : {Algorithm::kFossil, Algorithm::kVcdiff}) {
        if (!encoder.encode(algorithm, texts[i - 1], texts[i], 1 << 20, out)) std::abort();
      }
    }
  };
  stream();
  const std::size_t before = allocations;
  stream();
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace mr::delta
