#include "net/event_loop.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "net/file_descriptor.h"

namespace siplb::net {
namespace {

using namespace std::chrono_literals;

// A descriptor that a test makes readable, and what the loop said about it.
class Bell : public Watched {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  void ring() {
    const uint64_t one = 1;
    ASSERT_EQ(::write(fd_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  Events on_ready(Events events, Instant now) override {
    calls.push_back(events);
    heard_at = now;
    return act ? act(events) : 0;
  }

  std::vector<Events> calls;
  Instant heard_at;
  std::function<Events(Events)> act;

 private:
  FileDescriptor fd_;
};

class EventLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = EventLoop::create(4);
    ASSERT_TRUE(created);
    loop_ = std::move(*created);
  }
  void TearDown() override {
    for (Bell* bell : {&first_, &second_}) {
      if (bell->is_watched()) loop_->remove(*bell);
    }
  }

  void add(Bell& bell) { ASSERT_TRUE(loop_->add(bell.fd(), kReadable, bell)); }
  // One tick that does not sleep.
  void poll() { loop_->dispatch(loop_->wait(Instant{})); }

  std::unique_ptr<EventLoop> loop_;
  Bell first_;
  Bell second_;
};

TEST_F(EventLoopTest, SaysAnEdgeOnce) {
  add(first_);
  poll();
  EXPECT_TRUE(first_.calls.empty());
  first_.ring();
  poll();
  EXPECT_EQ(first_.calls, std::vector<Events>{kReadable});
  poll();
  EXPECT_EQ(first_.calls.size(), 1U);
  first_.ring();
  poll();
  EXPECT_EQ(first_.calls.size(), 2U);
}

TEST_F(EventLoopTest, HandlersSeeTheTicksOneReadingOfTheClock) {
  add(first_);
  add(second_);
  first_.ring();
  second_.ring();
  const Instant now = loop_->wait(std::nullopt);
  loop_->dispatch(now);
  EXPECT_EQ(first_.heard_at, now);
  EXPECT_EQ(second_.heard_at, now);
  EXPECT_EQ(loop_->now(), now);
}

TEST_F(EventLoopTest, LeftOverEventsComeAgainWithoutSleep) {
  add(first_);
  int turns_left = 2;
  first_.act = [&](Events events) { return turns_left-- > 0 ? events : 0; };
  first_.ring();
  for (int tick = 0; tick < 3; ++tick) loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(first_.calls, (std::vector<Events>{kReadable, kReadable, kReadable}));
  poll();
  EXPECT_EQ(first_.calls.size(), 3U);
}

TEST_F(EventLoopTest, LeftOverAndNewEdgeAreOneCall) {
  add(first_);
  first_.act = [](Events events) { return events; };
  first_.ring();
  poll();
  first_.ring();
  first_.act = nullptr;
  poll();
  EXPECT_EQ(first_.calls.size(), 2U);
  poll();
  EXPECT_EQ(first_.calls.size(), 2U);
}

TEST_F(EventLoopTest, RemovedByAnotherHandlerIsNotCalledInTheSameTick) {
  add(first_);
  add(second_);
  first_.act = [&](Events) { return loop_->remove(second_), 0; };
  second_.act = [&](Events) { return loop_->remove(first_), 0; };
  first_.ring();
  second_.ring();
  poll();
  EXPECT_EQ(first_.calls.size() + second_.calls.size(), 1U);
}

TEST_F(EventLoopTest, RemovesWhatHasMovedUpAmongTheReady) {
  add(first_);
  add(second_);
  second_.act = [](Events events) { return events; };
  first_.ring();
  second_.ring();
  poll();
  loop_->remove(second_);
  first_.ring();
  poll();
  EXPECT_EQ(first_.calls.size(), 2U);
  EXPECT_EQ(second_.calls.size(), 1U);
}

TEST_F(EventLoopTest, HandlerMayEndItsOwnLife) {
  auto mortal = std::make_unique<Bell>();
  add(*mortal);
  mortal->act = [&](Events events) {
    loop_->remove(*mortal);
    mortal.reset();
    return events;
  };
  mortal->ring();
  poll();
  EXPECT_EQ(mortal, nullptr);
  poll();
}

TEST_F(EventLoopTest, RemovedMayComeBack) {
  add(first_);
  first_.ring();
  poll();
  loop_->remove(first_);
  EXPECT_FALSE(first_.is_watched());
  add(first_);
  poll();  // still readable, which is an edge for a new entry
  EXPECT_EQ(first_.calls.size(), 2U);
}

TEST_F(EventLoopTest, NewInterestFindsWhatIsReadyNow) {
  add(first_);
  poll();
  loop_->set_interest(first_, kReadable | kWritable);
  poll();
  EXPECT_EQ(first_.calls, std::vector<Events>{kWritable});
  loop_->set_interest(first_, kReadable);
  poll();
  EXPECT_EQ(first_.calls.size(), 1U);
}

TEST_F(EventLoopTest, ReportsHangUpWithoutBeingAsked) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const FileDescriptor near(ends[0]);
  FileDescriptor far(ends[1]);
  ASSERT_TRUE(loop_->add(near.get(), kReadable, first_));
  far = {};
  poll();
  ASSERT_EQ(first_.calls.size(), 1U);
  EXPECT_NE(first_.calls[0] & kHungUp, 0U);
  loop_->remove(first_);
}

TEST_F(EventLoopTest, RefusesMoreDescriptorsThanItHasRoomFor) {
  std::array<Bell, 5> bells;
  for (size_t i = 0; i < 4; ++i) add(bells[i]);
  const auto added = loop_->add(bells[4].fd(), kReadable, bells[4]);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().sys_errno, ENOSPC);
  loop_->remove(bells[0]);
  add(bells[4]);
  for (size_t i = 1; i < 5; ++i) loop_->remove(bells[i]);
}

TEST_F(EventLoopTest, RefusesAClosedDescriptor) {
  const auto added = loop_->add(-1, kReadable, first_);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().sys_errno, EBADF);
  EXPECT_FALSE(first_.is_watched());
}

TEST_F(EventLoopTest, SleepsUntilItsDeadline) {
  const Instant deadline = Clock::now() + 3ms;
  EXPECT_GE(loop_->wait(deadline), deadline);
}

TEST_F(EventLoopTest, OneSleepIsOneReturn) {
  static_cast<void>(loop_->wait(Clock::now() + 5ms));
  EXPECT_EQ(loop_->epoll_returns().value(), 1U);
}

TEST_F(EventLoopTest, WakeBeforeASleepEndsIt) {
  loop_->wake();
  static_cast<void>(loop_->wait(std::nullopt));
  EXPECT_EQ(loop_->epoll_returns().value(), 1U);
}

TEST_F(EventLoopTest, WakeCountsForOneSleepOnly) {
  loop_->wake();
  loop_->wake();
  static_cast<void>(loop_->wait(std::nullopt));
  const Instant deadline = Clock::now() + 2ms;
  EXPECT_GE(loop_->wait(deadline), deadline);
}

TEST_F(EventLoopTest, NoWakeFromAnotherThreadIsLost) {
  // Each round the other thread answers a number, and the loop sleeps until it sees the answer.
  constexpr int kRounds = 5000;
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (asked.load() < round) std::this_thread::yield();
      answered.store(round, std::memory_order_relaxed);
      loop_->wake();
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    asked.store(round);
    while (answered.load(std::memory_order_relaxed) < round) {
      static_cast<void>(loop_->wait(std::nullopt));
    }
  }
  other.join();
  EXPECT_EQ(answered.load(), kRounds);
}

TEST(WatchedDeathTest, AbortsWhenItDiesInTheLoop) {
  auto loop = EventLoop::create(1);
  ASSERT_TRUE(loop);
  EXPECT_DEATH(
      {
        Bell bell;
        static_cast<void>((*loop)->add(bell.fd(), kReadable, bell));
      },
      "fd_ == -1");
}

}  // namespace
}  // namespace siplb::net
