#include "base/published.h"

#include <thread>

#include <gtest/gtest.h>

namespace siplb {
namespace {

// Counts those that live.
class Value {
 public:
  Value(int number, int& alive) : number_(number), alive_(alive) { ++alive_; }
  ~Value() { --alive_; }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
  int& alive_;
};

class PublishedTest : public testing::Test {
 protected:
  std::unique_ptr<const Value> make(int number) { return std::make_unique<Value>(number, alive); }
  void publish(int number) { published.publish(make(number)); }

  int alive = 0;
  Published<Value> published{2, make(0)};
};

TEST_F(PublishedTest, BeginsWithTheFirstValue) {
  EXPECT_EQ(published.newest().number(), 0);
  EXPECT_EQ(published.look(0).number(), 0);
  EXPECT_EQ(published.look(1).number(), 0);
}

TEST_F(PublishedTest, ReadersSeeTheNewestWhenTheyLookAgain) {
  EXPECT_EQ(published.look(0).number(), 0);
  publish(1);
  EXPECT_EQ(published.newest().number(), 1);
  EXPECT_EQ(published.look(0).number(), 1);
  EXPECT_EQ(&published.look(0), &published.newest());
}

TEST_F(PublishedTest, IsSeenByAllOnceNobodyLooksAtAnOlderValue) {
  EXPECT_TRUE(published.is_seen_by_all());
  static_cast<void>(published.look(0));
  static_cast<void>(published.look(1));
  publish(1);
  EXPECT_FALSE(published.is_seen_by_all());
  static_cast<void>(published.look(0));
  EXPECT_FALSE(published.is_seen_by_all());
  static_cast<void>(published.look(1));
  EXPECT_TRUE(published.is_seen_by_all());
}

TEST_F(PublishedTest, FreesWhatNobodyLooksAt) {
  for (int number = 1; number <= 100; ++number) {
    publish(number);
    EXPECT_EQ(alive, 1);
  }
}

TEST_F(PublishedTest, KeepsWhatIsSeenUntilItsReaderLooksAgain) {
  const Value& seen = published.look(0);
  for (int number = 1; number <= 100; ++number) publish(number);
  EXPECT_EQ(seen.number(), 0);
  EXPECT_EQ(alive, 2);
  EXPECT_EQ(published.look(0).number(), 100);
  publish(101);
  EXPECT_EQ(alive, 2);  // 100, which is seen, and 101.
}

TEST_F(PublishedTest, KeepsOneValuePerReaderAndTheNewestAtMost) {
  for (int number = 1; number <= 100; ++number) {
    EXPECT_EQ(published.look(static_cast<size_t>(number % 2)).number(), number - 1);
    publish(number);
    EXPECT_LE(alive, 3);
    EXPECT_EQ(published.kept_for_test(), static_cast<size_t>(alive));
  }
  EXPECT_EQ(alive, 3);
}

TEST_F(PublishedTest, KeepsWhatTwoReadersSeeUntilBothHaveLookedAgain) {
  EXPECT_EQ(&published.look(0), &published.look(1));
  publish(1);
  EXPECT_EQ(published.look(0).number(), 1);
  publish(2);
  EXPECT_EQ(alive, 3);
  EXPECT_EQ(published.look(1).number(), 2);
  EXPECT_EQ(published.look(0).number(), 2);
  publish(3);
  EXPECT_EQ(alive, 2);
}

TEST(PublishedOwnershipTest, FreesAllAtItsEnd) {
  int alive = 0;
  {
    Published<Value> published(1, std::make_unique<Value>(0, alive));
    EXPECT_EQ(published.look(0).number(), 0);
    published.publish(std::make_unique<Value>(1, alive));
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

// What ASan and TSan are to judge: nobody reads what has been freed or is still being written.
TEST(PublishedThreadTest, ReadersOnlyMeetWholeValuesInOrder) {
  struct Pair {
    int one;
    int same;
  };
  constexpr int kRounds = 20'000;
  constexpr size_t kReaders = 2;
  Published<Pair> published(kReaders, std::make_unique<Pair>(Pair{0, 0}));
  const auto read = [&published](size_t reader) {
    int last = 0;
    while (last < kRounds) {
      const Pair& seen = published.look(reader);
      ASSERT_EQ(seen.one, seen.same);
      ASSERT_GE(seen.one, last);
      last = seen.one;
    }
  };
  std::vector<std::thread> readers;
  for (size_t reader = 0; reader < kReaders; ++reader) readers.emplace_back(read, reader);
  size_t kept_max = 0;
  for (int round = 1; round <= kRounds; ++round) {
    published.publish(std::make_unique<Pair>(Pair{round, round}));
    kept_max = std::max(kept_max, published.kept_for_test());
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_LE(kept_max, kReaders + 1);
}

}  // namespace
}  // namespace siplb
