#include "ctl/run.h"

#include <sstream>

#include <gtest/gtest.h>

#include "scripted_daemon.h"

namespace siplb::ctl {
namespace {

class RunTest : public testing::Test {
 protected:
  int run(Command command) {
    command.socket = daemon_.socket();
    out_.str("");
    errors_.str("");
    return ctl::run(command, out_, errors_);
  }

  test::ScriptedDaemon daemon_;
  std::ostringstream out_;
  std::ostringstream errors_;
};

TEST_F(RunTest, AsksWhatEachVerbNeeds) {
  daemon_.body = R"({"servers":[]})";
  struct Case {
    Command command;
    const char* asked;
  };
  const Case cases[] = {
      {{.verb = Verb::ShowServers}, "GET /v1/servers "},
      {{.verb = Verb::ShowServer, .server = "pbx/s1"}, "GET /v1/servers/pbx/s1 "},
      {{.verb = Verb::WhyDown, .server = "pbx/s1/2"}, "GET /v1/servers/pbx/s1/2 "},
      {{.verb = Verb::SetState, .server = "pbx/s1", .state = "drain"},
       R"(POST /v1/servers/pbx/s1 {"state":"drain"})"},
      {{.verb = Verb::SetWeight, .server = "pbx/s1", .weight = 5, .force = true},
       R"(POST /v1/servers/pbx/s1 {"weight":5,"force":true})"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(run(each.command), kExitDone) << errors_.str();
    EXPECT_EQ(daemon_.asked, each.asked);
  }
}

TEST_F(RunTest, PrintsATableForPeopleAndJsonForMachines) {
  daemon_.body = "{\"servers\":[]}\n";
  EXPECT_EQ(run({.verb = Verb::ShowServers}), kExitDone);
  EXPECT_EQ(out_.str().substr(0, 6), "SERVER");
  EXPECT_EQ(run({.verb = Verb::ShowServers, .output = Output::Json}), kExitDone);
  EXPECT_EQ(out_.str(), daemon_.body);
}

TEST_F(RunTest, SaysWhyItWasRefused) {
  daemon_.status = 404;
  daemon_.body = R"({"error":"no server pbx/s9"})";
  EXPECT_EQ(run({.verb = Verb::ShowServer, .server = "pbx/s9"}), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: no server pbx/s9\n");
  EXPECT_EQ(out_.str(), "");

  daemon_.status = 409;
  daemon_.body = R"({"error":"pbx/s1 is the last"})";
  EXPECT_EQ(run({.verb = Verb::SetState, .server = "pbx/s1", .state = "drain"}), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: pbx/s1 is the last (--force does it)\n");
}

TEST_F(RunTest, DoesNotTrustWhoeverListensThere) {
  daemon_.body = "<html>";
  EXPECT_EQ(run({.verb = Verb::ShowServers}), kExitRefused);
  EXPECT_EQ(errors_.str(),
            "siplbctl: what listens at " + daemon_.socket() + " does not speak as siplbd does\n");
}

TEST_F(RunTest, SaysThatNoDaemonIsThere) {
  EXPECT_EQ(ctl::run({.verb = Verb::ShowServers, .socket = "/nowhere"}, out_, errors_),
            kExitNoDaemon);
  EXPECT_EQ(errors_.str(), "siplbctl: no siplbd at /nowhere: No such file or directory\n");
}

}  // namespace
}  // namespace siplb::ctl
