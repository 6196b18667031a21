#include "ctl/trace.h"

#include "typed_command.h"

namespace siplb::ctl {
namespace {

class TraceTest : public test::TypedCommandTest {};

TEST_F(TraceTest, AsksForWhatIsToBeFollowed) {
  daemon_.body = "";
  EXPECT_EQ(run({"trace"}), kExitDone);
  EXPECT_EQ(daemon_.asked, "GET /v1/trace ");
  EXPECT_EQ(run({"trace", "--call-id", "c1@h", "--user", "+43", "--server", "pbx/s1", "--count",
                 "5", "--seconds", "7"}),
            kExitDone);
  EXPECT_EQ(daemon_.asked,
            "GET /v1/trace?call_id=c1%40h&user=%2B43&server=pbx%2Fs1&count=5&seconds=7 ");
}

TEST_F(TraceTest, DrawsForPeopleAndPassesLinesOnToMachines) {
  daemon_.body = "{\"trace\":{\"seconds\":60,\"count\":5}}\n{\"lost\":3}\n";
  EXPECT_EQ(run({"trace"}), kExitDone);
  EXPECT_EQ(out_.str(), "Following calls for 60 s.\n3 messages are not shown: too many.\n");
  EXPECT_EQ(run({"trace", "--json"}), kExitDone);
  EXPECT_EQ(out_.str(), daemon_.body);
}

TEST_F(TraceTest, RefusesWhatCanBeNoServerOrNumber) {
  EXPECT_EQ(run({"trace", "--server", "s1"}), kExitUsage);
  EXPECT_EQ(run({"trace", "--count", "many"}), kExitUsage);
}

}  // namespace
}  // namespace siplb::ctl
