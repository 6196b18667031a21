#include "transport/stream_queues.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/loopback.h"

namespace siplb::transport {
namespace {

using namespace std::chrono_literals;
using test::numbered;

constexpr size_t kAnyShare = 1;

class StreamQueuesTest : public testing::Test {
 protected:
  void start(const StreamQueuesOptions& options, const MessageSlotsOptions& slots = {}) {
    slots_ = std::move(*MessageSlots::reserve(slots));
    queues_.emplace(options, *slots_);
  }
  void TearDown() override { EXPECT_EQ(slots_out(), 0U); }

  SendStatus append(StreamQueue& queue, std::string_view text, size_t share = kAnyShare) {
    return queues_->append(queue, {&text, 1}, share, now_);
  }
  void fill(StreamQueue& queue, const std::vector<std::string>& texts) {
    for (const auto& text : texts) ASSERT_EQ(append(queue, text), SendStatus::Queued);
  }
  // What a write with room for so many pieces would get.
  std::string gathered(const StreamQueue& queue, size_t pieces_max = 64) const {
    std::vector<std::string_view> pieces(pieces_max);
    pieces.resize(queues_->gather(queue, pieces));
    std::string all;
    for (const std::string_view piece : pieces) all += piece;
    return all;
  }
  std::vector<std::string> popped(StreamQueue& queue) {
    std::vector<std::string> texts;
    while (!queue.is_empty()) {
      queues_->pop(queue, [&](std::string_view text) { texts.emplace_back(text); });
    }
    return texts;
  }
  size_t slots_out() const {
    size_t out = 0;
    for (const auto size_class : {SlotClass::Small, SlotClass::Medium, SlotClass::Large}) {
      out += slots_->pool(size_class).counters().used.value();
    }
    return out;
  }

  std::unique_ptr<MessageSlots> slots_;
  std::optional<StreamQueues> queues_;
  Instant now_ = Instant{} + 1h;
};

TEST_F(StreamQueuesTest, HasNothingWhileEmpty) {
  start({});
  StreamQueue queue;
  EXPECT_TRUE(queue.is_empty());
  EXPECT_FALSE(queue.is_begun());
  EXPECT_EQ(gathered(queue), "");
  EXPECT_EQ(queues_->waiting_since(queue), std::nullopt);
  EXPECT_TRUE(queues_->take_begun(queue).is_empty());
  queues_->clear(queue);
  EXPECT_EQ(queues_->depth(), 0U);
}

TEST_F(StreamQueuesTest, KeepsPiecesAsOneMessageAndMessagesInOrder) {
  start({});
  StreamQueue queue;
  {
    const std::string gone = "INVITE ";
    const std::array<std::string_view, 3> pieces{gone, "", "sip:bob"};
    EXPECT_EQ(queues_->append(queue, pieces, kAnyShare, now_), SendStatus::Queued);
  }
  EXPECT_EQ(append(queue, "BYE"), SendStatus::Queued);
  EXPECT_EQ(queue.count, 2U);
  EXPECT_EQ(queue.octets, 17U);
  EXPECT_EQ(gathered(queue), "INVITE sip:bobBYE");
  EXPECT_EQ(gathered(queue, 1), "INVITE sip:bob");
  EXPECT_EQ(popped(queue), (std::vector<std::string>{"INVITE sip:bob", "BYE"}));
}

TEST_F(StreamQueuesTest, RefusesWhenItsEntriesAreFullAndGoesOnAfterwards) {
  start({.entries = 3, .queue_entries = 3});
  StreamQueue queue;
  StreamQueue other;
  // Each round begins at another entry.
  for (int round = 0; round < 5; ++round) {
    fill(queue, {"1", "2"});
    EXPECT_EQ(append(other, "3"), SendStatus::Queued);
    EXPECT_EQ(append(queue, "4"), SendStatus::QueueFull);
    EXPECT_EQ(queues_->depth(), 3U);
    EXPECT_EQ(queues_->advance(queue, 1), 1U);
    EXPECT_EQ(append(queue, "5"), SendStatus::Queued);
    EXPECT_EQ(popped(queue), (std::vector<std::string>{"2", "5"}));
    EXPECT_EQ(popped(other), std::vector<std::string>{"3"});
  }
}

TEST_F(StreamQueuesTest, OneQueueHoldsSoManyMessagesAtMost) {
  start({.entries = 8, .queue_entries = 2});
  StreamQueue queue;
  StreamQueue other;
  fill(queue, {"1", "2"});
  EXPECT_EQ(append(queue, "3"), SendStatus::EndpointFull);
  EXPECT_EQ(append(other, "4"), SendStatus::Queued);
  queues_->clear(queue);
  queues_->clear(other);
}

TEST_F(StreamQueuesTest, OneQueueHoldsSoManyOctetsAtMost) {
  start({.queue_octets = 10});
  StreamQueue queue;
  fill(queue, {"12345", "67890"});
  EXPECT_EQ(append(queue, "1"), SendStatus::EndpointFull);
  EXPECT_EQ(queues_->advance(queue, 5), 1U);
  EXPECT_EQ(append(queue, "123456"), SendStatus::EndpointFull);
  EXPECT_EQ(append(queue, "12345"), SendStatus::Queued);
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, SingleMessageMayAlwaysWait) {
  start({.queue_octets = 10});
  StreamQueue queue;
  const std::string longest(kSlotSizes.back(), 'x');
  EXPECT_EQ(append(queue, longest), SendStatus::Queued);
  EXPECT_EQ(append(queue, "1"), SendStatus::EndpointFull);
  EXPECT_EQ(gathered(queue), longest);
  queues_->clear(queue);
  EXPECT_EQ(append(queue, longest + "x"), SendStatus::TooLong);
}

TEST_F(StreamQueuesTest, ShareShrinksWithTheFreeSlots) {
  start({.entries = 1000, .queue_entries = 1000}, {.small_count = 100});
  StreamQueue queue;
  StreamQueue other;
  // One in four of 100 - n is n at 20.
  for (int i = 0; i < 20; ++i) ASSERT_EQ(append(queue, "x", 4), SendStatus::Queued);
  EXPECT_EQ(append(queue, "x", 4), SendStatus::EndpointFull);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(append(other, "x", 4), SendStatus::Queued);
  EXPECT_EQ(append(other, "x", 4), SendStatus::EndpointFull);
  queues_->clear(queue);
  EXPECT_EQ(append(other, "x", 4), SendStatus::Queued);
  queues_->clear(other);
}

TEST_F(StreamQueuesTest, ShareShrinksWithTheFreeEntries) {
  start({.entries = 100, .queue_entries = 100}, {.small_count = 1000});
  StreamQueue queue;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(append(queue, "x", 4), SendStatus::Queued);
  EXPECT_EQ(append(queue, "x", 4), SendStatus::EndpointFull);
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, FewMessagesMayWaitHoweverSmallTheShare) {
  start({.entries = 100}, {.small_count = 10, .medium_count = 1});
  StreamQueue queue;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(append(queue, "x", 1000), SendStatus::Queued);
  EXPECT_EQ(append(queue, "x", 1000), SendStatus::EndpointFull);
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, RefusesWhenNoSlotIsLeft) {
  start({}, {.small_count = 1, .medium_count = 1, .large_count = 1});
  StreamQueue queue;
  fill(queue, {"1", "2"});
  EXPECT_EQ(append(queue, "3"), SendStatus::NoSlot);
  EXPECT_EQ(queue.count, 2U);
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, AdvancesAcrossMessagesAndWithinThem) {
  start({});
  const auto texts = numbered(4);
  std::string all;
  for (const auto& text : texts) all += text;
  for (size_t step = 1; step <= all.size(); ++step) {
    StreamQueue queue;
    fill(queue, texts);
    size_t messages = 0;
    for (size_t written = 0; written < all.size(); written += step) {
      ASSERT_EQ(gathered(queue), all.substr(written)) << "in steps of " << step;
      ASSERT_EQ(queue.is_begun(), written % texts[0].size() != 0);
      messages += queues_->advance(queue, std::min(step, all.size() - written));
    }
    EXPECT_EQ(messages, texts.size());
    EXPECT_TRUE(queue.is_empty());
    EXPECT_FALSE(queue.is_begun());
    EXPECT_EQ(queue.octets, 0U);
  }
}

TEST_F(StreamQueuesTest, TakesOutWhatIsUnwantedWhereverItIs) {
  start({});
  struct Case {
    const char* unwanted;
    std::vector<std::string> left;
  };
  for (const Case& c :
       {Case{"a", {"b", "c"}}, Case{"b", {"a", "c"}}, Case{"c", {"a", "b"}}, Case{"ab", {"c"}},
        Case{"bc", {"a"}}, Case{"abc", {}}, Case{"", {"a", "b", "c"}}}) {
    StreamQueue queue;
    fill(queue, {"a", "b", "c"});
    StreamQueue taken = queues_->take_out(queue, [&](std::string_view text, Instant since) {
      EXPECT_EQ(since, now_);
      return std::string_view(c.unwanted).find(text) != std::string_view::npos;
    });
    EXPECT_EQ(taken.count, 3 - c.left.size()) << c.unwanted;
    // What is queued next comes last.
    fill(queue, {"d"});
    auto left = c.left;
    left.emplace_back("d");
    EXPECT_EQ(popped(queue), left) << c.unwanted;
    std::string out;
    for (const auto& text : popped(taken)) out += text;
    EXPECT_EQ(out, c.unwanted);
  }
}

TEST_F(StreamQueuesTest, WhatHasBegunToLeaveIsNotTakenOut) {
  start({});
  StreamQueue queue;
  fill(queue, {"abc", "def"});
  EXPECT_EQ(queues_->advance(queue, 1), 0U);
  StreamQueue taken = queues_->take_out(queue, [](std::string_view, Instant) { return true; });
  EXPECT_EQ(popped(taken), std::vector<std::string>{"def"});
  EXPECT_EQ(gathered(queue), "bc");
  fill(queue, {"ghi"});
  EXPECT_EQ(gathered(queue), "bcghi");
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, TakesWhatHasBegunToLeaveWhole) {
  start({});
  StreamQueue queue;
  fill(queue, {"abc", "def"});
  EXPECT_TRUE(queues_->take_begun(queue).is_empty());
  EXPECT_EQ(queues_->advance(queue, 2), 0U);
  StreamQueue begun = queues_->take_begun(queue);
  EXPECT_EQ(popped(begun), std::vector<std::string>{"abc"});
  EXPECT_FALSE(queue.is_begun());
  EXPECT_EQ(gathered(queue), "def");
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, SaysSinceWhenTheFirstWaitsThatHasNotBegun) {
  start({});
  StreamQueue queue;
  fill(queue, {"abc"});
  const Instant first = std::exchange(now_, now_ + 1s);
  fill(queue, {"def"});
  EXPECT_EQ(queues_->waiting_since(queue), first);
  EXPECT_EQ(queues_->advance(queue, 1), 0U);
  EXPECT_EQ(queues_->waiting_since(queue), now_);
  EXPECT_EQ(queues_->advance(queue, 3), 1U);
  EXPECT_EQ(queues_->waiting_since(queue), std::nullopt);
  queues_->clear(queue);
}

TEST_F(StreamQueuesTest, PongNeedsNoSlotAndIsNoMessage) {
  start({.entries = 3, .queue_entries = 2}, {.small_count = 1, .medium_count = 1});
  StreamQueue queue;
  queues_->append_pong(queue, now_);
  EXPECT_EQ(slots_out(), 0U);
  fill(queue, {"abc"});
  EXPECT_EQ(gathered(queue), "\r\nabc");
  queues_->append_pong(queue, now_);  // no room in the queue
  EXPECT_EQ(queue.count, 2U);
  EXPECT_EQ(queues_->advance(queue, 1), 0U);
  EXPECT_EQ(gathered(queue), "\nabc");
  EXPECT_EQ(queues_->advance(queue, 4), 1U);
  EXPECT_TRUE(queue.is_empty());

  queues_->append_pong(queue, now_);
  fill(queue, {"def"});
  StreamQueue other;
  queues_->append_pong(other, now_);
  StreamQueue third;
  queues_->append_pong(third, now_);  // no entry
  EXPECT_TRUE(third.is_empty());
  EXPECT_EQ(popped(queue), std::vector<std::string>{"def"});
  EXPECT_EQ(popped(other), std::vector<std::string>{});
  EXPECT_EQ(queues_->depth(), 0U);
}

TEST_F(StreamQueuesTest, MayQueueAgainWhatItIsToldOf) {
  start({.entries = 2});
  StreamQueue queue;
  StreamQueue elsewhere;
  fill(queue, {"abc"});
  queues_->pop(queue, [&](std::string_view text) {
    EXPECT_EQ(append(elsewhere, text), SendStatus::Queued);
    EXPECT_EQ(text, "abc");
  });
  EXPECT_EQ(popped(elsewhere), std::vector<std::string>{"abc"});
}

TEST_F(StreamQueuesTest, ClearGivesEverySlotBack) {
  start({});
  StreamQueue queue;
  fill(queue, {"abc", std::string(3000, 'x'), std::string(9000, 'y')});
  queues_->append_pong(queue, now_);
  EXPECT_EQ(queues_->advance(queue, 1), 0U);
  EXPECT_EQ(slots_out(), 3U);
  queues_->clear(queue);
  EXPECT_EQ(slots_out(), 0U);
  EXPECT_EQ(queues_->depth(), 0U);
  EXPECT_FALSE(queue.is_begun());
}

TEST_F(StreamQueuesTest, MemoryGrowsWithItsEntriesOnly) {
  start({});
  EXPECT_EQ(StreamQueues::memory_octets({.entries = 20}),
            2 * StreamQueues::memory_octets({.entries = 10}));
}

}  // namespace
}  // namespace siplb::transport
