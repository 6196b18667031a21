#include "ctl/change.h"

#include <gmock/gmock.h>

#include "support/server_json.h"
#include "typed_command.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;
using ChangeTest = test::TypedCommandTest;

constexpr const char* kTaking = R"({"draining":false,"calls":2})";
constexpr const char* kTwoLeft = R"({"draining":true,"calls":2})";
constexpr const char* kNoneLeft = R"({"draining":true,"calls":0})";

TEST_F(ChangeTest, SetsStateAndWeightOfAServer) {
  daemon_.body = nlohmann::json{{"servers", {test::server_json("s1")}}}.dump();
  EXPECT_EQ(run({"set", "server", "pbx/s1", "state", "drain"}), kExitDone);
  EXPECT_EQ(daemon_.asked, R"(POST /v1/servers/pbx/s1 {"state":"drain"})");
  EXPECT_EQ(out_.str(), "pbx/s1: ready, weight 100\n");
  EXPECT_EQ(run({"set", "server", "pbx/s1", "weight", "0", "--force"}), kExitDone);
  EXPECT_EQ(daemon_.asked, R"(POST /v1/servers/pbx/s1 {"weight":0,"force":true})");
}

TEST_F(ChangeTest, TakesStatesAndWeightsOnly) {
  for (const char* value : {"sleep", "", "READY"}) {
    EXPECT_EQ(run({"set", "server", "pbx/s1", "state", value}), kExitUsage) << value;
  }
  for (const char* value : {"1001", "-1", "1.5", "", "5 ", "99999999999"}) {
    EXPECT_EQ(run({"set", "server", "pbx/s1", "weight", value}), kExitUsage) << value;
  }
  EXPECT_THAT(errors_.str(), HasSubstr("a number from 0 to 1000"));
  EXPECT_EQ(daemon_.asked, "");
}

TEST_F(ChangeTest, DrainsAndTakesNewWorkAgain) {
  daemon_.body = kTwoLeft;
  EXPECT_EQ(run({"drain"}), kExitDone);
  EXPECT_EQ(daemon_.asked, R"(POST /v1/drain {"drain":true})");
  EXPECT_EQ(out_.str(), "New work is refused; 2 calls remain.\n");
  daemon_.body = kTaking;
  EXPECT_EQ(run({"drain", "--cancel"}), kExitDone);
  EXPECT_EQ(daemon_.asked, R"(POST /v1/drain {"drain":false})");
  EXPECT_EQ(out_.str(), "New work is taken.\n");
  EXPECT_EQ(run({"drain", "--cancel", "--wait"}), kExitUsage);
}

TEST_F(ChangeTest, WaitsUntilNoCallIsLeft) {
  daemon_.bodies["/v1/drain"] = {kTwoLeft, kTwoLeft, kNoneLeft};
  EXPECT_EQ(run({"drain", "--wait"}), kExitDone);
  EXPECT_EQ(out_.str(),
            "New work is refused; 2 calls remain.\nNew work is refused; no calls remain.\n");
}

TEST_F(ChangeTest, WaitsNoLongerWhenTheDrainIsEnded) {
  daemon_.bodies["/v1/drain"] = {kTwoLeft, kTaking};
  EXPECT_EQ(run({"drain", "--wait"}), kExitRefused);
  EXPECT_THAT(errors_.str(), HasSubstr("somebody has ended the draining"));
}

TEST_F(ChangeTest, ReloadsAndPrintsWhatHasChanged) {
  daemon_.body = R"({"changes":["listener inside is new"]})";
  EXPECT_EQ(run({"reload"}), kExitDone);
  EXPECT_EQ(daemon_.asked, "POST /v1/reload {}");
  EXPECT_EQ(out_.str(), "listener inside is new\n");
  EXPECT_EQ(run({"reload", "--state", "reset"}), kExitDone);
  EXPECT_EQ(daemon_.asked, R"(POST /v1/reload {"state":"reset"})");
  EXPECT_EQ(run({"reload", "--state", "keep"}), kExitUsage);
}

TEST_F(ChangeTest, PrintsWhyAFileIsRefused) {
  daemon_.status = 422;
  daemon_.body = R"({"error":"siplb.yaml:3:5: unknown key 'adress'"})";
  EXPECT_EQ(run({"reload"}), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: siplb.yaml:3:5: unknown key 'adress'\n");
}

}  // namespace
}  // namespace siplb::ctl
