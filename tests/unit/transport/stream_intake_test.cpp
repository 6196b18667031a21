#include "transport/stream_intake.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::transport {
namespace {

using namespace std::chrono_literals;
using sip::FrameFault;
using Outcome = StreamIntake::Outcome;

constexpr size_t kMessageMax = 65535;

// What was shown, in order: copied when it is settled, since only then must it still be whole.
class Shown : public StreamSink {
 public:
  void on_message(std::span<char> octets, FrameFault fault) override {
    waiting_.push_back(octets);
    faults.push_back(fault);
  }
  void on_ping() override { ++pings; }
  void settle() override {
    for (const std::span<char> octets : waiting_) texts.emplace_back(octets.begin(), octets.end());
    waiting_.clear();
  }

  std::vector<std::string> texts;
  std::vector<FrameFault> faults;
  int pings = 0;

 private:
  std::vector<std::span<char>> waiting_;
};

std::string message(size_t body_length, std::string_view more_head = "") {
  return "OPTIONS sip:bob SIP/2.0\r\n" + std::string(more_head) +
         "Content-Length: " + std::to_string(body_length) + "\r\n\r\n" +
         std::string(body_length, 'b');
}

class StreamIntakeTest : public testing::Test {
 protected:
  StreamIntakeTest() { use({.small_count = 2, .medium_count = 2, .large_count = 8}); }
  void TearDown() override {
    intake_.drop(parts());
    expect_all_free();
  }

  void use(const MessageSlotsOptions& options) {
    slots_ = std::move(*MessageSlots::reserve(options));
  }
  StreamIntake::Parts parts() { return {*slots_, census_, &source_}; }

  // Shows the octets in a block of exactly their size, which is no more when the call returns.
  Outcome take(std::string_view octets) { return take(octets, intake_); }
  Outcome take(std::string_view octets, StreamIntake& intake) {
    std::vector<char> block(octets.begin(), octets.end());
    return intake.take(block, parts(), shown_, now_);
  }
  size_t used(SlotClass size_class) const {
    return slots_->pool(size_class).counters().used.value();
  }
  void expect_all_free() {
    EXPECT_EQ(used(SlotClass::Small) + used(SlotClass::Medium) + used(SlotClass::Large), 0U);
    for (size_t i = 0; i < ConnectionCensus::kLargePerSource; ++i) {
      EXPECT_TRUE(census_.admit_large(source_)) << "a large slot is still counted";
    }
    for (size_t i = 0; i < ConnectionCensus::kLargePerSource; ++i) census_.leave_large(source_);
    for (size_t i = 0; i < kUnfinishedMax; ++i) {
      EXPECT_TRUE(census_.admit_unfinished(source_)) << "an unfinished message is still counted";
    }
    for (size_t i = 0; i < kUnfinishedMax; ++i) census_.leave_unfinished(source_);
  }

  static constexpr size_t kUnfinishedMax = 3;  // of one source

  std::unique_ptr<MessageSlots> slots_;
  ConnectionCensus census_{{.unfinished_per_source = kUnfinishedMax}};
  const SockAddress source_ = SockAddress::v4(0x0A000001, 5060);
  Shown shown_;
  StreamIntake intake_{kMessageMax};
  Instant now_ = Instant{} + 1h;
};

TEST_F(StreamIntakeTest, ShowsMessagesWhereTheyLieAndKeepsNothing) {
  const std::vector<std::string> sent = {message(0), message(10), message(3000)};
  EXPECT_EQ(take(sent[0] + sent[1] + "\r\n" + sent[2]), Outcome::Ok);
  EXPECT_EQ(shown_.texts, sent);
  EXPECT_FALSE(intake_.is_unfinished());
  expect_all_free();
}

TEST_F(StreamIntakeTest, EveryCuttingInThreeShowsTheSame) {
  const std::vector<std::string> sent = {message(7), message(0)};
  const std::string stream = "\r\n\r\n" + sent[0] + "\r\n\r\n\r\n" + sent[1] + "\r\n\r\n";
  for (size_t first = 0; first <= stream.size(); ++first) {
    for (size_t second = first; second <= stream.size(); ++second) {
      StreamIntake intake(kMessageMax);
      shown_ = {};
      ASSERT_EQ(take(stream.substr(0, first), intake), Outcome::Ok);
      ASSERT_EQ(take(stream.substr(first, second - first), intake), Outcome::Ok);
      ASSERT_EQ(take(stream.substr(second), intake), Outcome::Ok);
      ASSERT_EQ(shown_.texts, sent) << "cut at " << first << " and " << second;
      ASSERT_EQ(shown_.pings, 3);
      ASSERT_FALSE(intake.is_unfinished());
    }
  }
  expect_all_free();
}

TEST_F(StreamIntakeTest, OctetByOctetShowsTheSame) {
  const std::vector<std::string> sent = {message(7), message(3000), message(0)};
  const std::string stream = sent[0] + "\r\n\r\n" + sent[1] + sent[2];
  for (const char octet : stream) ASSERT_EQ(take({&octet, 1}), Outcome::Ok);
  EXPECT_EQ(shown_.texts, sent);
  EXPECT_EQ(shown_.pings, 1);
  expect_all_free();
}

TEST_F(StreamIntakeTest, KnowsSinceWhenAMessageIsUnfinished) {
  const std::string first = message(5);
  EXPECT_EQ(take(first.substr(0, 3)), Outcome::Ok);
  EXPECT_TRUE(intake_.is_unfinished());
  const Instant begun = std::exchange(now_, now_ + 1s);
  EXPECT_EQ(take(first.substr(3, 9)), Outcome::Ok);
  EXPECT_EQ(intake_.since(), begun);
  EXPECT_EQ(take(first.substr(12) + "BYE"), Outcome::Ok);
  EXPECT_TRUE(intake_.is_unfinished());
  EXPECT_EQ(intake_.since(), now_);
}

TEST_F(StreamIntakeTest, UnfinishedHeadGrowsFromSlotToSlot) {
  const std::string whole = message(10, "Subject: " + std::string(20000, 's') + "\r\n");
  struct Step {
    size_t until;
    SlotClass size_class;
  };
  size_t shown = 0;
  for (const Step& step :
       {Step{2047, SlotClass::Small}, Step{2048, SlotClass::Small}, Step{2049, SlotClass::Medium},
        Step{8192, SlotClass::Medium}, Step{8193, SlotClass::Large},
        Step{whole.size() - 1, SlotClass::Large}}) {
    EXPECT_EQ(take(whole.substr(shown, step.until - shown)), Outcome::Ok);
    shown = step.until;
    EXPECT_EQ(used(step.size_class), 1U) << step.until;
    EXPECT_EQ(used(SlotClass::Small) + used(SlotClass::Medium) + used(SlotClass::Large), 1U);
  }
  EXPECT_EQ(take(whole.substr(shown)), Outcome::Ok);
  EXPECT_EQ(shown_.texts, std::vector<std::string>{whole});
  expect_all_free();
}

TEST_F(StreamIntakeTest, TakesTheSlotThatTheWholeMessageNeedsOnceItsHeadTells) {
  const std::string whole = message(60000);
  EXPECT_EQ(take(whole.substr(0, 20)), Outcome::Ok);
  EXPECT_EQ(used(SlotClass::Small), 1U);
  EXPECT_EQ(take(whole.substr(20, 100)), Outcome::Ok);
  EXPECT_EQ(used(SlotClass::Small), 0U);
  EXPECT_EQ(used(SlotClass::Large), 1U);
  EXPECT_EQ(take(whole.substr(120)), Outcome::Ok);
  EXPECT_EQ(shown_.texts, std::vector<std::string>{whole});
}

TEST_F(StreamIntakeTest, WhatFollowsTheRestOfAMessageIsShownToo) {
  const std::string first = message(10);
  const std::vector<std::string> sent = {first, message(0), message(2500)};
  EXPECT_EQ(take(first.substr(0, 30)), Outcome::Ok);
  EXPECT_EQ(take(first.substr(30) + sent[1] + "\r\n\r\n" + sent[2] + "BYE sip:"), Outcome::Ok);
  EXPECT_EQ(shown_.texts, sent);
  EXPECT_EQ(shown_.pings, 1);
  EXPECT_TRUE(intake_.is_unfinished());
}

TEST_F(StreamIntakeTest, LongestMessageArrivesAndALongerOneIsAFault) {
  const size_t head = message(0).size() + 4;
  const std::string longest = message(kMessageMax - head);
  ASSERT_EQ(longest.size(), kMessageMax);
  EXPECT_EQ(take(longest.substr(0, 10)), Outcome::Ok);
  EXPECT_EQ(take(longest.substr(10)), Outcome::Ok);
  EXPECT_EQ(shown_.texts, std::vector<std::string>{longest});

  const std::string longer = message(kMessageMax - head + 1);
  EXPECT_EQ(take(longer.substr(0, 10)), Outcome::Ok);
  EXPECT_EQ(take(longer.substr(10)), Outcome::Broken);
  EXPECT_EQ(intake_.fault(), FrameFault::MessageTooLong);
  EXPECT_EQ(shown_.texts.back(), longer.substr(0, head));
}

TEST_F(StreamIntakeTest, EndlessHeadIsAFault) {
  std::string endless = "OPTIONS sip:bob SIP/2.0\r\nSubject: ";
  endless.resize(kMessageMax, 's');
  for (size_t at = 0; at + 5000 < endless.size(); at += 5000) {
    ASSERT_EQ(take(endless.substr(at, 5000)), Outcome::Ok);
  }
  EXPECT_EQ(take(endless.substr(endless.size() / 5000 * 5000)), Outcome::Broken);
  EXPECT_EQ(intake_.fault(), FrameFault::HeadTooLong);
  EXPECT_TRUE(shown_.texts.empty());
}

TEST_F(StreamIntakeTest, FaultIsShownWithItsHeadHoweverItIsCut) {
  const std::string good = message(4);
  const std::string head = "OPTIONS sip:bob SIP/2.0\r\nContent-Length: -1\r\n\r\n";
  const std::string stream = good + head + "OPTIONS smuggled SIP/2.0\r\n\r\n";
  for (size_t cut = 0; cut < good.size() + head.size(); ++cut) {
    StreamIntake intake(kMessageMax);
    shown_ = {};
    ASSERT_EQ(take(stream.substr(0, cut), intake), Outcome::Ok);
    ASSERT_EQ(take(stream.substr(cut), intake), Outcome::Broken);
    ASSERT_EQ(intake.fault(), FrameFault::BadLength);
    ASSERT_EQ(shown_.texts, (std::vector<std::string>{good, head})) << "cut at " << cut;
    ASSERT_EQ(shown_.faults, (std::vector<FrameFault>{FrameFault::None, FrameFault::BadLength}));
    intake.drop(parts());
  }
}

TEST_F(StreamIntakeTest, WhatIsNoSipIsAFaultWithoutHead) {
  EXPECT_EQ(take("GET / HTTP/1.1\r\n\r\n"), Outcome::Broken);
  EXPECT_EQ(intake_.fault(), FrameFault::NotSip);
  EXPECT_TRUE(shown_.texts.empty());
}

TEST_F(StreamIntakeTest, SaysThatNoSlotIsFree) {
  use({.small_count = 1, .medium_count = 1, .large_count = 1});
  std::vector<std::unique_ptr<StreamIntake>> others;
  for (int i = 0; i < 2; ++i) {
    others.push_back(std::make_unique<StreamIntake>(kMessageMax));
    EXPECT_EQ(take("OPTIONS", *others.back()), Outcome::Ok);
  }
  EXPECT_EQ(take("OPTIONS"), Outcome::NoSlot);
  // What is whole needs none.
  StreamIntake whole(kMessageMax);
  EXPECT_EQ(take(message(0), whole), Outcome::Ok);
  for (const auto& other : others) other->drop(parts());
}

TEST_F(StreamIntakeTest, GivesItsSlotBackWhereItCanNotGrow) {
  use({.small_count = 1, .medium_count = 1, .large_count = 1});
  EXPECT_EQ(take("OPTIONS sip:bob SIP/2.0\r\n"), Outcome::Ok);
  StreamIntake other(kMessageMax);
  EXPECT_EQ(take(message(5000).substr(0, 100), other), Outcome::Ok);
  EXPECT_EQ(take("Content-Length: 5000\r\n\r\n"), Outcome::NoSlot);
  intake_.drop(parts());
  other.drop(parts());
  expect_all_free();
}

TEST_F(StreamIntakeTest, OneSourceHasItsShareOfUnfinishedMessages) {
  for (size_t i = 0; i < kUnfinishedMax; ++i) EXPECT_TRUE(census_.admit_unfinished(source_));
  EXPECT_EQ(take("INVITE "), Outcome::NoSlot);
  StreamIntake another(kMessageMax);
  EXPECT_EQ(take(message(0), another), Outcome::Ok);  // what comes whole needs none
  for (size_t i = 0; i < kUnfinishedMax; ++i) census_.leave_unfinished(source_);
  expect_all_free();
}

TEST_F(StreamIntakeTest, WhoIsNotCountedMayHaveWhatThereIs) {
  const std::string large = message(20000);
  std::vector<std::unique_ptr<StreamIntake>> intakes;
  const StreamIntake::Parts uncounted{*slots_, census_, nullptr};
  for (size_t i = 0; i <= std::max(ConnectionCensus::kLargePerSource, kUnfinishedMax); ++i) {
    intakes.push_back(std::make_unique<StreamIntake>(kMessageMax));
    std::string octets = large.substr(0, 100);
    EXPECT_EQ(intakes.back()->take(octets, uncounted, shown_, now_), Outcome::Ok);
  }
  for (const auto& intake : intakes) intake->drop(uncounted);
  expect_all_free();
}

TEST_F(StreamIntakeTest, OneSourceHasFewLargeSlots) {
  const std::string large = message(20000);
  std::vector<std::unique_ptr<StreamIntake>> others;
  for (size_t i = 0; i < ConnectionCensus::kLargePerSource; ++i) {
    others.push_back(std::make_unique<StreamIntake>(kMessageMax));
    EXPECT_EQ(take(large.substr(0, 100), *others.back()), Outcome::Ok);
  }
  EXPECT_EQ(take(large.substr(0, 100)), Outcome::NoSlot);
  // Another source may have one; and so may this one, when one of its own is free again.
  StreamIntake foreign(kMessageMax);
  std::string octets = large.substr(0, 100);
  const SockAddress elsewhere = SockAddress::v4(0x0A000002, 5060);
  const StreamIntake::Parts foreign_parts{*slots_, census_, &elsewhere};
  EXPECT_EQ(foreign.take(octets, foreign_parts, shown_, now_), Outcome::Ok);
  foreign.drop(foreign_parts);
  EXPECT_EQ(take(large.substr(100), *others.front()), Outcome::Ok);
  StreamIntake next(kMessageMax);
  EXPECT_EQ(take(large.substr(0, 100), next), Outcome::Ok);
  next.drop(parts());
  others.back()->drop(parts());
}

TEST_F(StreamIntakeTest, LargeSlotThatIsNotThereIsNotCounted) {
  use({.small_count = 1, .medium_count = 1, .large_count = 1});
  const std::string large = message(20000);
  EXPECT_EQ(take(large.substr(0, 100)), Outcome::Ok);
  for (int i = 0; i < 5; ++i) {
    StreamIntake other(kMessageMax);
    EXPECT_EQ(take(large.substr(0, 100), other), Outcome::NoSlot);
  }
  intake_.drop(parts());
  expect_all_free();
}

}  // namespace
}  // namespace siplb::transport
