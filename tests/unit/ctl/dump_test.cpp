#include "ctl/dump.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "admin_answers.h"
#include "typed_command.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

class DumpTest : public test::TypedCommandTest {
 protected:
  void SetUp() override {
    Json status = Json::parse(test::kStatus);
    status["config_file"] = file_;
    status["pid"] = getpid();
    daemon_.bodies = {{"/v1/status", {status.dump()}},
                      {"/v1/servers", {R"({"servers":[]})"}},
                      {"/v1/groups", {test::kGroups}},
                      {"/v1/listeners", {test::kListeners}},
                      {"/v1/workers", {test::kWorkers}},
                      {"/v1/connections", {test::kConnections}},
                      {"/v1/bans", {R"({"bans":[]})"}},
                      {"/v1/memory", {test::kMemory}},
                      {"/v1/key", {test::kKey}},
                      {"/v1/events", {test::kEvents}},
                      {"/v1/metrics", {"siplb_up_seconds 5\n"}}};
    std::ofstream(file_) << "groups: []  # password: hunter2\n";
  }
  void TearDown() override { std::filesystem::remove(file_); }

  const std::string file_ = testing::TempDir() + "siplb-dump-" + std::to_string(getpid());
};

TEST_F(DumpTest, HoldsAllThatIsShownAndNoSecrets) {
  EXPECT_EQ(run({"dump"}), kExitDone) << errors_.str();
  for (const char* part :
       {"==== status\n\nsiplb 0.1.0", "==== servers\n\nNo servers.", "==== groups\n\nGROUP",
        "==== listeners\n\nLISTENER", "==== workers\n\nWORKER", "==== connections\n\ntcp",
        "==== bans\n\nNobody", "==== memory\n\nCONSUMER", "==== key\n\nkey 0badcafe",
        "==== events\n\n2026", "==== metrics\n\nsiplb_up_seconds 5\n",
        "==== configuration\n\ngroups: []  # password: (removed)\n", "Max open files",
        "==== host\n\nLinux", "==== doctor\n\n"}) {
    EXPECT_THAT(out_.str(), HasSubstr(part));
  }
  EXPECT_THAT(out_.str(), Not(HasSubstr("hunter2")));
}

TEST_F(DumpTest, IsOneObjectForMachines) {
  EXPECT_EQ(run({"dump", "--json"}), kExitDone);
  const Json all = Json::parse(out_.str());
  EXPECT_EQ(all.at("groups"), Json::parse(test::kGroups));
  EXPECT_EQ(all.at("metrics"), "siplb_up_seconds 5\n");
  EXPECT_TRUE(all.at("doctor").contains("checks"));
}

TEST_F(DumpTest, HoldsWhatTheHostSaysWhereNoDaemonIs) {
  EXPECT_EQ(run_at("/nowhere", {"dump"}), kExitNoDaemon);
  EXPECT_THAT(out_.str(), HasSubstr("==== doctor"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("==== servers")));
  EXPECT_THAT(errors_.str(), HasSubstr("no siplbd at /nowhere"));
}

TEST_F(DumpTest, SaysWhyTheFileIsNotInIt) {
  std::filesystem::remove(file_);
  EXPECT_EQ(run({"dump"}), kExitDone);
  EXPECT_THAT(out_.str(), HasSubstr(file_ + ": No such file or directory\n"));
}

}  // namespace
}  // namespace siplb::ctl
