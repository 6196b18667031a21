#include "ctl/follow.h"

#include <sstream>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_daemon.h"

namespace siplb::ctl {
namespace {

using testing::ElementsAre;

class FollowTest : public testing::Test {
 protected:
  int follow_at(const std::string& socket) {
    return follow({.socket = socket}, {.out = out_, .errors = errors_}, "/v1/trace",
                  [this](const std::string& line) { lines_.push_back(line); });
  }

  test::ScriptedDaemon daemon_;
  std::ostringstream out_;
  std::ostringstream errors_;
  std::vector<std::string> lines_;
};

TEST_F(FollowTest, TakesLinesWhateverPiecesTheyComeIn) {
  const std::string long_line = std::string(100'000, 'x') + '\n';
  daemon_.body = "a\n\n" + long_line + "unended";
  EXPECT_EQ(follow_at(daemon_.socket()), kExitDone);
  EXPECT_THAT(lines_, ElementsAre("a\n", "\n", long_line));
}

TEST_F(FollowTest, SaysWhyItWasRefused) {
  daemon_.status = 429;
  daemon_.body = R"({"error":"another trace is under way"})";
  EXPECT_EQ(follow_at(daemon_.socket()), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: another trace is under way\n");
  EXPECT_TRUE(lines_.empty());
}

TEST_F(FollowTest, SaysThatNoDaemonIsThere) {
  EXPECT_EQ(follow_at("/nowhere"), kExitNoDaemon);
  EXPECT_EQ(errors_.str(), "siplbctl: no siplbd at /nowhere: No such file or directory\n");
}

TEST_F(FollowTest, LetsThroughWhatIsThrownAtALine) {
  daemon_.body = "a\nb\n";
  const auto refuse = [](const std::string&) { throw std::runtime_error("no JSON"); };
  EXPECT_THROW(static_cast<void>(follow({.socket = daemon_.socket()},
                                        {.out = out_, .errors = errors_}, "/v1/trace", refuse)),
               std::runtime_error);
}

}  // namespace
}  // namespace siplb::ctl
