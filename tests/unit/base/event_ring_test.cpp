#include "base/event_ring.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace siplb {
namespace {

using namespace std::chrono_literals;

constexpr EventId kEvery = EventId::WorkerStarted;
constexpr EventId kPaced = EventId::MailboxFull;
constexpr EventId kOtherPaced = EventId::KernelDrops;
constexpr EventId kPacedByReason = EventId::MessageDropped;
static_assert(event_info(kEvery).rate == EventRate::EveryOne);
static_assert(event_info(kPacedByReason).rate == EventRate::OncePerSecondAndReason);
static_assert(event_info(kPaced).rate == EventRate::OncePerSecond);
static_assert(event_info(kOtherPaced).rate == EventRate::OncePerSecond);

Instant at(Duration since_start) {
  return Instant(100h) + since_start;
}

class EventRingTest : public testing::Test {
 protected:
  EventBell bell_;
  std::unique_ptr<EventRing> ring_ = std::make_unique<EventRing>(bell_);
};

TEST_F(EventRingTest, GivesNothingWhenEmpty) {
  EXPECT_FALSE(ring_->try_take());
}

TEST_F(EventRingTest, CarriesAllFields) {
  ring_->post({.at = at(7ms), .id = kPaced, .lane = 5, .args = {-3, INT64_MAX}});
  const auto event = ring_->try_take();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at, at(7ms));
  EXPECT_EQ(event->id, kPaced);
  EXPECT_EQ(event->lane, 5);
  EXPECT_EQ(event->args[0], -3);
  EXPECT_EQ(event->args[1], INT64_MAX);
  EXPECT_EQ(event->suppressed_count, 0U);
  EXPECT_FALSE(ring_->try_take());
}

TEST_F(EventRingTest, DropsTheNewestWhenFullAndTellsLater) {
  for (size_t i = 0; i < EventRing::kCapacity; ++i) {
    ring_->post({.id = kEvery, .args = {static_cast<int64_t>(i), 0}});
  }
  ring_->post({.id = kEvery, .args = {-1, 0}});
  ring_->post({.id = kEvery, .args = {-2, 0}});
  EXPECT_EQ(ring_->dropped(), 2U);

  for (size_t i = 0; i < EventRing::kCapacity; ++i) {
    const auto event = ring_->try_take();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->args[0], static_cast<int64_t>(i));
  }
  EXPECT_FALSE(ring_->try_take());
  ring_->post({.id = kEvery, .args = {-3, 0}});
  const auto after = ring_->try_take();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->args[0], -3);
  EXPECT_EQ(after->suppressed_count, 2U);
}

TEST_F(EventRingTest, KeepsOrderAsItWraps) {
  for (int64_t i = 0; i < 5 * static_cast<int64_t>(EventRing::kCapacity); i += 3) {
    for (int64_t j = i; j < i + 3; ++j) ring_->post({.id = kEvery, .args = {j, 0}});
    for (int64_t j = i; j < i + 3; ++j) {
      const auto event = ring_->try_take();
      ASSERT_TRUE(event);
      ASSERT_EQ(event->args[0], j);
    }
  }
  EXPECT_EQ(ring_->dropped(), 0U);
}

TEST_F(EventRingTest, CarriesATextAndCutsWhatIsTooLong) {
  ring_->post({.id = kEvery}, "INVITE sip:alice@example.com SIP/2.0");
  ring_->post({.id = kEvery}, std::string(kEventTextMax + 1, 'x'));
  ring_->post({.id = kEvery});
  EXPECT_EQ(ring_->try_take()->text.view(), "INVITE sip:alice@example.com SIP/2.0");
  EXPECT_EQ(ring_->try_take()->text.view(), std::string(kEventTextMax, 'x'));
  EXPECT_EQ(ring_->try_take()->text.view(), "");
}

TEST_F(EventRingTest, PacesEachReasonByItself) {
  ring_->post({.at = at(0s), .id = kPacedByReason, .args = {1}});
  ring_->post({.at = at(1ms), .id = kPacedByReason, .args = {2}});
  ring_->post({.at = at(2ms), .id = kPacedByReason, .args = {1}});
  ring_->post({.at = at(1s), .id = kPacedByReason, .args = {1}});
  const int64_t expected_reasons[] = {1, 2, 1};
  const uint32_t expected_suppressed[] = {0, 0, 1};
  for (size_t i = 0; i < 3; ++i) {
    const auto event = ring_->try_take();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->args[0], expected_reasons[i]);
    EXPECT_EQ(event->suppressed_count, expected_suppressed[i]);
  }
  EXPECT_FALSE(ring_->try_take());
}

TEST_F(EventRingTest, LetsOnePerSecondPassAndCountsTheOthers) {
  ring_->post({.at = at(0s), .id = kPaced});
  ring_->post({.at = at(1ms), .id = kPaced});
  ring_->post({.at = at(999ms), .id = kPaced});
  ring_->post({.at = at(1s), .id = kPaced});
  ring_->post({.at = at(3s), .id = kPaced});
  const uint32_t expected_suppressed[] = {0, 2, 0};
  for (const uint32_t suppressed_count : expected_suppressed) {
    const auto event = ring_->try_take();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->suppressed_count, suppressed_count);
  }
  EXPECT_FALSE(ring_->try_take());
  EXPECT_EQ(ring_->dropped(), 0U);
}

TEST_F(EventRingTest, PacesEachIdByItself) {
  ring_->post({.at = at(0s), .id = kPaced});
  ring_->post({.at = at(1ms), .id = kPaced});
  ring_->post({.at = at(1ms), .id = kOtherPaced});
  ring_->post({.at = at(1ms), .id = kEvery});
  ring_->post({.at = at(1ms), .id = kEvery});
  for (const EventId id : {kPaced, kOtherPaced, kEvery, kEvery}) {
    const auto event = ring_->try_take();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, id);
    EXPECT_EQ(event->suppressed_count, 0U);
  }
}

TEST_F(EventRingTest, RingsTheBellForWhatWasPosted) {
  const uint32_t before = bell_.count();
  ring_->post({.at = at(0s), .id = kPaced});
  EXPECT_EQ(bell_.count(), before + 1);
  ring_->post({.at = at(1ms), .id = kPaced});
  EXPECT_EQ(bell_.count(), before + 1);
  bell_.wait(before);  // returns at once: the bell rang since
}

// The logger's loop: take what all rings hold, else sleep until the bell rings.
TEST(EventRingThreadTest, WakesTheLoggerForEveryEvent) {
  constexpr int64_t kEach = 5'000;
  EventBell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; ++i) rings.push_back(std::make_unique<EventRing>(bell));

  std::vector<int64_t> next(rings.size(), 0);
  size_t fault_count = 0;
  std::thread logger([&] {
    for (int64_t left = kEach * static_cast<int64_t>(rings.size()); left > 0;) {
      const uint32_t seen = bell.count();
      bool any = false;
      for (size_t i = 0; i < rings.size(); ++i) {
        while (const auto event = rings[i]->try_take()) {
          if (event->args[0] != next[i]++) ++fault_count;
          any = true;
          --left;
        }
      }
      if (!any) bell.wait(seen);
    }
  });
  std::vector<std::thread> producers;
  for (const auto& ring : rings) {
    producers.emplace_back([&ring] {
      for (int64_t number = 0; number < kEach;) {
        const uint64_t dropped = ring->dropped();
        ring->post({.id = kEvery, .args = {number, 0}});
        if (ring->dropped() == dropped) {
          ++number;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  logger.join();
  EXPECT_EQ(fault_count, 0U);
}

}  // namespace
}  // namespace siplb
