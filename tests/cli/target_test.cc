#include "cli/target.h"

#include <gtest/gtest.h>

namespace mr::cli {
namespace {

TEST(Target, FailuresAreSentences) {
  EXPECT_EQ(failure_text({0, "cannot connect to 127.0.0.1:1; does it listen there?"}),
            "cannot connect to 127.0.0.1:1; does it listen there?");
  EXPECT_EQ(failure_text({401, R"({"error":"auth_key is wrong; \"send\" another","status":401})"}),
            "the server answered 401: auth_key is wrong; \"send\" another");
  EXPECT_EQ(failure_text({502, "<html>"}), "the server answered 502: <html>");
}

}  // namespace
}  // namespace mr::cli
