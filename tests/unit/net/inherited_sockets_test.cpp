#include "net/inherited_sockets.h"

#include <cstdlib>
#include <initializer_list>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace siplb::net {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

// Descriptors in a row from first() on, as systemd leaves them. Each is an eventfd whose value is
// its place, so that a test can tell them apart.
class InheritedSocketsTest : public testing::Test {
 protected:
  static constexpr int kFirst = 700;

  void SetUp() override {
    for (int i = 0; i < 8; ++i) ASSERT_FALSE(is_open(kFirst + i));
  }
  void TearDown() override {
    for (int i = 0; i < 8; ++i) ::close(kFirst + i);
  }

  void open(int count) {
    for (int i = 0; i < count; ++i) {
      const FileDescriptor made(::eventfd(static_cast<unsigned>(i + 1), EFD_NONBLOCK));
      ASSERT_EQ(::dup2(made.get(), kFirst + i), kFirst + i);
    }
  }

  static InheritedSockets inherit(std::string_view count, std::string_view names) {
    const std::string pid = std::to_string(::getpid());
    return InheritedSockets::from({.listen_pid = pid, .listen_fds = count, .listen_fdnames = names},
                                  kFirst);
  }

  static int place_of(const FileDescriptor& fd) {
    uint64_t value = 0;
    EXPECT_EQ(::read(fd.get(), &value, sizeof value), static_cast<ssize_t>(sizeof value));
    return static_cast<int>(value) - 1;
  }
};

TEST_F(InheritedSocketsTest, TakesASeriesInTheOrderOfItsNumbers) {
  open(4);
  auto inherited = inherit("4", "v1-a-udp-2:v1-b-udp-0:v1-a-udp-1:v1-a-udp-0");
  const auto series = inherited.take_series("v1-a-udp-");
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(place_of(series[0]), 3);
  EXPECT_EQ(place_of(series[1]), 2);
  EXPECT_EQ(place_of(series[2]), 0);
  EXPECT_TRUE(inherited.take_series("v1-a-udp-").empty());
  EXPECT_EQ(inherited.take_series("v1-b-udp-").size(), 1U);
}

TEST_F(InheritedSocketsTest, NamesThoseThatNobodyHasTaken) {
  open(3);
  auto inherited = inherit("3", "x:v1-a-udp-0:x");
  EXPECT_EQ(inherited.names(), (std::vector<std::string>{"x", "v1-a-udp-0", "x"}));
  EXPECT_TRUE(inherited.take_series("v1-b-udp-").empty());
  EXPECT_EQ(inherited.take_series("v1-a-udp-").size(), 1U);
  EXPECT_EQ(inherited.names(), (std::vector<std::string>{"x", "x"}));
}

TEST_F(InheritedSocketsTest, TakesOneByItsWholeName) {
  open(3);
  auto inherited = inherit("3", "v1-calls0:v1-calls:v1-call");
  const FileDescriptor calls = inherited.take("v1-calls");
  ASSERT_TRUE(calls.is_open());
  EXPECT_EQ(place_of(calls), 1);
  EXPECT_FALSE(inherited.take("v1-calls").is_open());
  EXPECT_TRUE(is_open(kFirst));
}

TEST_F(InheritedSocketsTest, TakesTheFirstOfSeveralWithAName) {
  open(2);
  auto inherited = inherit("2", "x:x");
  EXPECT_EQ(place_of(inherited.take("x")), 0);
  EXPECT_EQ(place_of(inherited.take("x")), 1);
}

TEST_F(InheritedSocketsTest, TakesNothingWhereNothingIs) {
  EXPECT_FALSE(InheritedSockets().take("x").is_open());
}

TEST_F(InheritedSocketsTest, MarksThemCloseOnExec) {
  open(1);
  const auto series = inherit("1", "x0").take_series("x");
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(::fcntl(series[0].get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(InheritedSocketsTest, ClosesASeriesWithAGap) {
  open(2);
  auto inherited = inherit("2", "x0:x2");
  EXPECT_TRUE(inherited.take_series("x").empty());
  EXPECT_FALSE(is_open(kFirst));
  EXPECT_FALSE(is_open(kFirst + 1));
}

TEST_F(InheritedSocketsTest, ClosesASeriesWithANumberTwice) {
  open(3);
  EXPECT_TRUE(inherit("3", "x0:x1:x1").take_series("x").empty());
  EXPECT_FALSE(is_open(kFirst + 2));
}

TEST_F(InheritedSocketsTest, OnlyANumberMayFollowThePrefix) {
  open(3);
  auto inherited = inherit("3", "v1-a-udp-0:v1-a-udp-b-udp-0:v1-a-udp-");
  EXPECT_EQ(inherited.take_series("v1-a-udp-").size(), 1U);
  EXPECT_EQ(inherited.take_series("v1-a-udp-b-udp-").size(), 1U);
}

TEST_F(InheritedSocketsTest, ClosesWhatNobodyTakes) {
  open(2);
  {
    const auto inherited = inherit("2", "x0:x1");
    EXPECT_TRUE(is_open(kFirst + 1));
  }
  EXPECT_FALSE(is_open(kFirst));
  EXPECT_FALSE(is_open(kFirst + 1));
}

TEST_F(InheritedSocketsTest, OwnsDescriptorsWithoutNames) {
  open(2);
  { auto inherited = inherit("2", "x0"); }
  EXPECT_FALSE(is_open(kFirst + 1));
}

TEST_F(InheritedSocketsTest, EndsAtTheFirstThatIsNotOpen) {
  open(2);
  EXPECT_EQ(inherit("1000000", "x0:x1:x2:x3").take_series("x").size(), 2U);
}

TEST_F(InheritedSocketsTest, LeavesAloneWhatIsNotPromisedToThisProcess) {
  open(1);
  struct Case {
    const char* description;
    InheritedSockets::Environment environment;
  };
  const std::string pid = std::to_string(::getpid());
  for (const Case& c : {
           Case{"nothing set", {}},
           Case{"another process", {.listen_pid = "1", .listen_fds = "1", .listen_fdnames = "x0"}},
           Case{"no number", {.listen_pid = pid, .listen_fds = "one", .listen_fdnames = "x0"}},
           Case{"text after it", {.listen_pid = pid, .listen_fds = "1 ", .listen_fdnames = "x0"}},
           Case{"none", {.listen_pid = pid, .listen_fds = "0", .listen_fdnames = "x0"}},
       }) {
    EXPECT_TRUE(InheritedSockets::from(c.environment, kFirst).take_series("x").empty())
        << c.description;
    EXPECT_TRUE(is_open(kFirst)) << c.description;
  }
}

// In the child: takes what the environment names; its exit code says what it found.
[[noreturn]] void inherit_in_child(int fd) {
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_FDNAMES", "v1-a-udp-0", 1);
  ::dup2(fd, 3);
  auto inherited = InheritedSockets::from_environment();
  const auto series = inherited.take_series("v1-a-udp-");
  ::_exit(series.size() == 1 && series[0].get() == 3 ? 42 : 1);
}

TEST_F(InheritedSocketsTest, FindsWhatTheEnvironmentNames) {
  const FileDescriptor made(::eventfd(1, EFD_CLOEXEC));
  const pid_t child = ::fork();
  if (child == 0) inherit_in_child(made.get());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

}  // namespace
}  // namespace siplb::net
