#include "ctl/check.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace siplb::ctl {
namespace {

using Json = nlohmann::json;

class CheckTest : public testing::Test {
 protected:
  int print(const Printed& printed, Output output = Output::People) {
    return print_report({.output = output}, {.out = out_, .errors = errors_}, printed);
  }
  std::ostringstream out_;
  std::ostringstream errors_;
};

TEST_F(CheckTest, PrintsWhatSiplbdSays) {
  EXPECT_EQ(print({.code = 0, .out = "table\n", .errors = "warning: public\n"}), kExitDone);
  EXPECT_EQ(out_.str(), "table\n");
  EXPECT_EQ(errors_.str(), "warning: public\n");
}

TEST_F(CheckTest, TellsFaultsFromWarnings) {
  const Printed printed{.code = 1, .errors = "warning: public\na.yaml:1:1: unknown key\n"};
  EXPECT_EQ(print(printed, Output::Json), kExitRefused);
  EXPECT_EQ(
      Json::parse(out_.str()),
      Json({{"good", false}, {"faults", {"a.yaml:1:1: unknown key"}}, {"warnings", {"public"}}}));
  EXPECT_EQ(errors_.str(), "");
}

TEST_F(CheckTest, SaysThatAFileIsGoodAndQuotesWhatIsNoUtf8) {
  EXPECT_EQ(print({.errors = "warning: \xff\n"}, Output::Json), kExitDone);
  const Json report = Json::parse(out_.str());
  EXPECT_EQ(report.at("good"), true);
  EXPECT_EQ(report.at("faults"), Json::array());
  EXPECT_EQ(report.at("warnings"), Json({"\xef\xbf\xbd"}));
}

TEST(SiplbdPathTest, IsBesideThisProgramOrInPath) {
  const std::string path = siplbd_path();
  EXPECT_TRUE(path == "siplbd" || std::filesystem::exists(path)) << path;
}

}  // namespace
}  // namespace siplb::ctl
