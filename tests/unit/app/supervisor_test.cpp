#include "app/supervisor.h"

#include <csignal>
#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "support/notify_socket.h"

namespace siplb::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A supervisor on the test's own thread, of threads that count when they are woken, or do not.
class SupervisorTest : public testing::Test {
 protected:
  struct Thread {
    bool is_hung = false;
    uint64_t turns = 0;
    int kicks = 0;
  };

  SupervisorTest() {
    EXPECT_TRUE(signals_.has_value());
    for (Thread& thread : threads_) thread = {};
  }

  void watch_with_patience_of(std::chrono::microseconds patience) {
    setenv("WATCHDOG_USEC", std::to_string(patience.count()).c_str(), 1);
  }

  // Ends by itself after as many kicks of the first thread.
  std::vector<std::string> run_for(int kicks) {
    const Systemd systemd;
    Supervisor::Parts parts{.signals = *signals_, .systemd = systemd, .log = log_};
    for (Thread& thread : threads_) {
      parts.threads.push_back({.name = "siplb-w" + std::to_string(parts.threads.size()),
                               .progress = [&] { return thread.turns; },
                               .wake =
                                   [&] {
                                     if (!thread.is_hung) ++thread.turns;
                                     if (++thread.kicks == kicks) raise(SIGTERM);
                                   }});
    }
    parts.vitals = [] { return observe::Vitals{.servers = 2, .servers_up = 1}; };
    parts.state = [] { return "serving"; };
    parts.reload = [this] {
      ++reloads_;
      raise(SIGTERM);
    };
    Supervisor(std::move(parts)).run();

    std::vector<std::string> heard;
    do {
      heard.push_back(socket_.next().text);
    } while (heard.back() != "STOPPING=1");
    return heard;
  }

  Result<Signals> signals_ = Signals::block();
  test::NotifySocket socket_;
  std::ostringstream out_;
  observe::EventLog log_{{.sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)}};
  std::array<Thread, 2> threads_;
  int reloads_ = 0;
};

TEST_F(SupervisorTest, SaysThatItIsReadyHowItIsAndThatItStops) {
  raise(SIGTERM);
  EXPECT_THAT(run_for(0),
              ElementsAre("READY=1", "STATUS=serving: 1 of 2 servers up, 0 calls, 0 messages/s",
                          "STOPPING=1"));
}

TEST_F(SupervisorTest, FeedsTheWatchdogWhileAllThreadsAnswerItsKicks) {
  watch_with_patience_of(std::chrono::milliseconds(8));
  EXPECT_THAT(run_for(4), Contains("WATCHDOG=1").Times(3));
  EXPECT_EQ(threads_[1].kicks, 4);
}

TEST_F(SupervisorTest, NamesAThreadThatHangsAndLetsTheWatchdogBite) {
  watch_with_patience_of(std::chrono::milliseconds(8));
  threads_[1].is_hung = true;
  EXPECT_THAT(run_for(4), Not(Contains("WATCHDOG=1")));
  EXPECT_THAT(out_.str(), HasSubstr("thread hangs thread=siplb-w1"));
}

TEST_F(SupervisorTest, KicksNobodyWhereNobodyWatches) {
  raise(SIGHUP);
  EXPECT_THAT(run_for(0), Not(Contains("WATCHDOG=1")));
  EXPECT_EQ(threads_[0].kicks, 0);
}

TEST_F(SupervisorTest, ReloadsAtSighupAndGoesOn) {
  raise(SIGHUP);
  EXPECT_THAT(run_for(0), Contains("STOPPING=1"));
  EXPECT_EQ(reloads_, 1);
}

}  // namespace
}  // namespace siplb::app
