#include "ctl/run.h"

#include "typed_command.h"

namespace siplb::ctl {
namespace {

using RunTest = test::TypedCommandTest;

TEST_F(RunTest, DoesNotTrustWhoeverListensThere) {
  for (const char* body : {"<html>", "{}", "[]"}) {
    daemon_.body = body;
    EXPECT_EQ(run({"show", "servers"}), kExitRefused) << body;
    EXPECT_EQ(errors_.str(),
              "siplbctl: what listens at " + daemon_.socket() + " does not speak as siplbd does\n");
  }
}

TEST_F(RunTest, DoesWhatTheVerbDoes) {
  daemon_.body = R"({"servers":[]})";
  EXPECT_EQ(run({"show", "servers"}), kExitDone);
  EXPECT_EQ(out_.str(), "No servers.\n");
}

}  // namespace
}  // namespace siplb::ctl
