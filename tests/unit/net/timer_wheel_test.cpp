#include "net/timer_wheel.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::net {
namespace {

using namespace std::chrono_literals;

struct Timer : TimerNode {
  explicit Timer(std::string timer_name) : name(std::move(timer_name)) {}
  std::string name;
};

Instant at(Duration since_start) {
  return Instant(100h) + since_start;
}

// Advances and tells the names of what fired, in order.
std::string fired_by(TimerWheel& wheel, Instant now) {
  std::string names;
  const size_t count =
      wheel.advance(now, [&](TimerNode& node) { names += static_cast<Timer&>(node).name; });
  EXPECT_EQ(count, names.size());
  return names;
}

TEST(TimerWheelTest, HasNoDeadlineWhenEmpty) {
  TimerWheel wheel(at(0ms));
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
  EXPECT_EQ(fired_by(wheel, at(1h)), "");
}

TEST(TimerWheelTest, FiresInOrderOfTime) {
  Timer a("a");
  Timer b("b");
  Timer c("c");
  TimerWheel wheel(at(0ms));
  wheel.schedule(c, at(90s));
  wheel.schedule(a, at(5ms));
  wheel.schedule(b, at(700ms));
  EXPECT_EQ(wheel.size(), 3U);
  EXPECT_EQ(fired_by(wheel, at(2min)), "abc");
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheelTest, FiresInOrderOfSchedulingWithinATick) {
  Timer a("a");
  Timer b("b");
  Timer c("c");
  TimerWheel wheel(at(0ms));
  wheel.schedule(b, at(10s));
  wheel.schedule(a, at(10s));
  EXPECT_EQ(fired_by(wheel, at(9999ms)), "");
  wheel.schedule(c, at(10s));
  EXPECT_EQ(fired_by(wheel, at(10s)), "bac");
}

TEST(TimerWheelTest, NeverFiresBeforeTheDeadline) {
  Timer a("a");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(5ms + 1ns));
  EXPECT_EQ(a.deadline(), at(6ms));
  EXPECT_EQ(fired_by(wheel, at(5ms + 2ns)), "");
  EXPECT_EQ(fired_by(wheel, at(6ms)), "a");
}

TEST(TimerWheelTest, FiresThePastOneTickLater) {
  Timer a("a");
  TimerWheel wheel(at(50ms));
  wheel.schedule(a, at(-1h));
  EXPECT_EQ(wheel.next_deadline(), at(51ms));
  EXPECT_EQ(fired_by(wheel, at(50ms)), "");
  EXPECT_EQ(fired_by(wheel, at(51ms)), "a");
}

TEST(TimerWheelTest, TakesAClockThatSteppedBackAsStandingStill) {
  Timer a("a");
  TimerWheel wheel(at(50ms));
  EXPECT_EQ(fired_by(wheel, at(10ms)), "");
  wheel.schedule(a, at(20ms));
  EXPECT_EQ(fired_by(wheel, at(30ms)), "");
  EXPECT_EQ(fired_by(wheel, at(51ms)), "a");
}

TEST(TimerWheelTest, MovesAScheduledNode) {
  Timer a("a");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(5ms));
  wheel.schedule(a, at(3h));
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_EQ(wheel.next_deadline(), at(3h));
  EXPECT_EQ(fired_by(wheel, at(3h - 1ms)), "");
  wheel.schedule(a, at(3h + 7ms));
  EXPECT_EQ(fired_by(wheel, at(3h + 6ms)), "");
  EXPECT_EQ(fired_by(wheel, at(3h + 7ms)), "a");
}

TEST(TimerWheelTest, CancelsBeforeFiring) {
  Timer a("a");
  Timer b("b");
  TimerWheel wheel(at(0ms));
  wheel.cancel(a);
  wheel.schedule(a, at(5ms));
  wheel.schedule(b, at(5ms));
  wheel.cancel(a);
  EXPECT_FALSE(a.scheduled());
  EXPECT_EQ(fired_by(wheel, at(5ms)), "b");
}

TEST(TimerWheelTest, CancelsInsideTheCallback) {
  Timer a("a");
  Timer same_tick("b");
  Timer later_tick("c");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(5ms));
  wheel.schedule(same_tick, at(5ms));
  wheel.schedule(later_tick, at(6ms));
  const size_t count = wheel.advance(at(10ms), [&](TimerNode& node) {
    EXPECT_EQ(&node, &a);
    wheel.cancel(same_tick);
    wheel.cancel(later_tick);
  });
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
}

TEST(TimerWheelTest, DestroysInsideTheCallback) {
  auto a = std::make_unique<Timer>("a");
  TimerWheel wheel(at(0ms));
  wheel.schedule(*a, at(5ms));
  EXPECT_EQ(wheel.advance(at(5ms), [&](TimerNode&) { a.reset(); }), 1U);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheelTest, ReschedulesInsideTheCallbackForALaterAdvance) {
  Timer a("a");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(5ms));
  const auto again = [&](TimerNode& node) { wheel.schedule(node, at(6ms)); };
  EXPECT_EQ(wheel.advance(at(20ms), again), 1U);
  EXPECT_EQ(wheel.next_deadline(), at(21ms));
  EXPECT_EQ(wheel.advance(at(20ms), again), 0U);
  EXPECT_EQ(fired_by(wheel, at(21ms)), "a");
}

TEST(TimerWheelTest, PutsOffLazily) {
  Timer a("a");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(500ms));
  const Instant put_off_until = at(4s);  // the owner's own deadline; its node stays where it is
  EXPECT_EQ(wheel.advance(at(500ms),
                          [&](TimerNode& node) {
                            EXPECT_FALSE(node.scheduled());
                            wheel.schedule(node, put_off_until);
                          }),
            1U);
  EXPECT_EQ(wheel.next_deadline(), put_off_until);
  EXPECT_EQ(fired_by(wheel, put_off_until), "a");
}

TEST(TimerWheelTest, KeepsFarDeadlinesExact) {
  const std::vector<Duration> delays = {
      63ms, 64ms,       65ms,         4095ms, 4096ms,          32s,    180s, 262'144ms,
      3h,   4h + 660ms, 16'777'216ms, 2400h,  1'073'741'824ms, 87'600h};
  for (const Duration delay : delays) {
    SCOPED_TRACE(delay.count());
    Timer a("a");
    TimerWheel wheel(at(0ms));
    wheel.schedule(a, at(delay));
    EXPECT_EQ(wheel.next_deadline(), at(delay));
    EXPECT_EQ(fired_by(wheel, at(delay - 1ms)), "");
    EXPECT_EQ(wheel.next_deadline(), at(delay));
    EXPECT_EQ(fired_by(wheel, at(delay)), "a");
  }
}

TEST(TimerWheelTest, HoldsTheEndsOfTime) {
  Timer first("a");
  Timer last("z");
  TimerWheel wheel(at(0ms));
  wheel.schedule(first, Instant::min());
  wheel.schedule(last, Instant::max());
  EXPECT_EQ(last.deadline(), Instant::max());
  EXPECT_EQ(fired_by(wheel, at(1ms)), "a");
  EXPECT_EQ(wheel.next_deadline(), Instant::max());
  EXPECT_EQ(fired_by(wheel, at(1000h)), "");
  EXPECT_EQ(wheel.size(), 1U);
}

TEST(TimerWheelTest, TurnsThroughEverySlot) {
  Timer a("a");
  TimerWheel wheel(at(0ms));
  for (int i = 1; i <= 10'000; ++i) {  // two and a half turns of the second level
    wheel.schedule(a, at(i * 1ms));
    ASSERT_EQ(wheel.next_deadline(), at(i * 1ms));
    ASSERT_EQ(fired_by(wheel, at(i * 1ms)), "a") << i;
  }
}

TEST(TimerWheelTest, WakesAtMostOnceForACancelledEarliest) {
  Timer a("a");
  Timer b("b");
  TimerWheel wheel(at(0ms));
  wheel.schedule(a, at(1s));
  wheel.schedule(b, at(9s));
  wheel.cancel(a);
  ASSERT_LE(wheel.next_deadline(), at(9s));
  EXPECT_EQ(fired_by(wheel, *wheel.next_deadline()), "");
  EXPECT_EQ(wheel.next_deadline(), at(9s));
}

TEST(TimerWheelTest, LetsGoOfNodesThatOutliveIt) {
  Timer a("a");
  {
    TimerWheel wheel(at(0ms));
    wheel.schedule(a, at(1s));
  }
  EXPECT_FALSE(a.scheduled());
}

TEST(TimerWheelDeathTest, RefusesToLoseAScheduledNode) {
  TimerWheel wheel(at(0ms));
  EXPECT_DEATH(
      {
        Timer a("a");
        wheel.schedule(a, at(1s));
      },
      "assertion failed");
}

// The wheel beside a std::multimap that does the same, slowly.
class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), wheel_(now_) {
    for (size_t i = 0; i < 300; ++i) timers_.emplace_back(i);
  }

  void step() {
    switch (pick(6)) {
      case 0:
      case 1:
      case 2: schedule(any_timer()); break;
      case 3: cancel(any_timer()); break;
      default: advance(); break;
    }
    ASSERT_EQ(wheel_.size(), queue_.size());
    check_next_deadline();
  }

  [[nodiscard]] size_t fired_count() const { return fired_count_; }

 private:
  using Queue = std::multimap<Instant, size_t>;
  struct Entry : TimerNode {
    explicit Entry(size_t entry_index) : index(entry_index) {}
    size_t index;
    Queue::iterator place{};
  };

  uint64_t pick(uint64_t below) { return random_() % below; }
  // From nothing to some days, every order of magnitude as likely.
  Duration any_delay() { return Duration(pick(uint64_t{1} << pick(50))); }
  Entry& any_timer() { return timers_[pick(timers_.size())]; }

  static Instant round_up(Instant instant) {
    return Instant(std::chrono::ceil<std::chrono::milliseconds>(instant.time_since_epoch()));
  }

  void forget(Entry& entry) {
    if (entry.place == queue_.begin()) gone_ = std::min(gone_, entry.place->first);
    queue_.erase(entry.place);
  }

  void schedule(Entry& entry) {
    const Instant deadline = now_ + any_delay() - 1ms;
    if (entry.scheduled()) forget(entry);
    const Instant next_tick = round_up(now_ + 1ns);
    entry.place = queue_.emplace(std::max(round_up(deadline), next_tick), entry.index);
    wheel_.schedule(entry, deadline);
    ASSERT_EQ(entry.deadline(), entry.place->first);
  }

  void cancel(Entry& entry) {
    if (entry.scheduled()) forget(entry);
    wheel_.cancel(entry);
  }

  void advance() {
    const auto next = wheel_.next_deadline();
    now_ = next && pick(2) == 0 ? std::max(now_, *next) : now_ + any_delay();
    wheel_.advance(now_, [&](TimerNode& node) {
      auto& entry = static_cast<Entry&>(node);
      ASSERT_FALSE(queue_.empty());
      ASSERT_EQ(entry.index, queue_.begin()->second);
      ASSERT_LE(queue_.begin()->first, now_);
      queue_.erase(queue_.begin());
      ++fired_count_;
      if (pick(3) == 0) schedule(entry);
      if (pick(4) == 0) cancel(any_timer());
    });
    ASSERT_TRUE(queue_.empty() || queue_.begin()->first > now_);
    if (gone_ <= now_) gone_ = Instant::max();
  }

  void check_next_deadline() {
    const auto next = wheel_.next_deadline();
    ASSERT_EQ(next.has_value(), !queue_.empty());
    if (!next) return;
    ASSERT_LE(*next, queue_.begin()->first);
    ASSERT_GE(*next, std::min(gone_, queue_.begin()->first));
  }

  std::mt19937_64 random_;
  Instant now_ = at(123456ns);
  std::deque<Entry> timers_;
  TimerWheel wheel_;
  Queue queue_;
  Instant gone_ = Instant::max();  // deadline of an earliest that was taken away, until it passed
  size_t fired_count_ = 0;
};

TEST(TimerWheelTest, AgreesWithASortedMap) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed);
    for (size_t i = 0; i < 10'000; ++i) {
      model.step();
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(model.fired_count(), 1000U);
  }
}

}  // namespace
}  // namespace siplb::net
