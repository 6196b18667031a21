#include "proxy/trace_ring.h"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

class TraceRingTest : public testing::Test {
 protected:
  [[nodiscard]] bool put(uint16_t code) {
    TraceRecord* const record = ring_->begin();
    if (record == nullptr) return false;
    record->outcome.code = code;
    ring_->publish();
    return true;
  }
  // The next record's code; nothing where there is none.
  std::optional<uint16_t> take() {
    const auto record = ring_->try_take();
    return record ? std::optional(record->outcome.code) : std::nullopt;
  }

  std::unique_ptr<TraceRing> ring_ = std::make_unique<TraceRing>();
};

TEST_F(TraceRingTest, GivesNothingWhileEmpty) {
  EXPECT_EQ(take(), std::nullopt);
  EXPECT_EQ(ring_->lost(), 0u);
}

TEST_F(TraceRingTest, ShowsNothingBeforeItIsPublished) {
  TraceRecord* const record = ring_->begin();
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(take(), std::nullopt);
  record->outcome.code = 200;
  ring_->publish();
  EXPECT_EQ(take(), 200);
  EXPECT_EQ(take(), std::nullopt);
}

TEST_F(TraceRingTest, DropsAndCountsTheNewestWhenFull) {
  for (uint16_t code = 0; code < TraceRing::kCapacity; ++code) ASSERT_TRUE(put(code));
  EXPECT_FALSE(put(999));
  EXPECT_FALSE(put(999));
  EXPECT_EQ(ring_->lost(), 2u);
  EXPECT_EQ(take(), 0);
  EXPECT_TRUE(put(1000));
}

TEST_F(TraceRingTest, KeepsOrderWhereItWraps) {
  uint16_t next = 0;
  for (uint16_t code = 0; code < 3 * TraceRing::kCapacity; ++code) {
    ASSERT_TRUE(put(code));
    if (code % 3 == 0) continue;
    while (const auto taken = take()) ASSERT_EQ(*taken, next++);
  }
}

TEST_F(TraceRingTest, BeginsEachRecordAnew) {
  for (size_t i = 0; i < TraceRing::kCapacity; ++i) {
    ASSERT_TRUE(put(503));
    ASSERT_TRUE(take());
  }
  TraceRecord* const record = ring_->begin();
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->outcome.code, 0);
}

TEST_F(TraceRingTest, HandsRecordsToAnotherThread) {
  constexpr uint16_t kCount = 20'000;
  std::thread producer([this] {
    for (uint16_t code = 0; code < kCount;) {
      if (put(code)) ++code;
    }
  });
  for (uint16_t code = 0; code < kCount;) {
    if (const auto taken = take()) {
      ASSERT_EQ(*taken, code);
      ++code;
    }
  }
  producer.join();
}

}  // namespace
}  // namespace siplb::proxy
