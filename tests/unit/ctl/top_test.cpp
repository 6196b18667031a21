// The terminal of `top` is tested with a real one (tests/functional/test_siplbctl_live.py).
#include "ctl/top.h"

#include <gmock/gmock.h>

#include "top_answers.h"
#include "typed_command.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TopTest : public test::TypedCommandTest {
 protected:
  void SetUp() override {
    const Looks looks = test::two_looks();
    daemon_.bodies = {{"/v1/status", {looks.now.status}},
                      {"/v1/servers", {looks.now.servers}},
                      {"/v1/traffic", {looks.before.traffic, looks.now.traffic}}};
  }
};

TEST_F(TopTest, PrintsOneFrame) {
  EXPECT_EQ(run({"top", "--once"}), kExitDone);
  EXPECT_THAT(out_.str(), StartsWith("siplb 0.1.0, up 2h\n"));
  EXPECT_THAT(out_.str(), HasSubstr("in 1000/s"));
}

TEST_F(TopTest, PrintsOneObject) {
  EXPECT_EQ(run({"top", "--once", "--json"}), kExitDone);
  EXPECT_THAT(out_.str(), StartsWith(R"({"seconds":2.0,"calls":12,)"));
}

TEST_F(TopTest, EndsWhereNobodyAnswersAtFirst) {
  EXPECT_EQ(run_at("/nowhere", {"top"}), kExitNoDaemon);
  EXPECT_THAT(errors_.str(), HasSubstr("no siplbd at /nowhere"));
}

}  // namespace
}  // namespace siplb::ctl
