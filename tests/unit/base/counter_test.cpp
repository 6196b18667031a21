#include "base/counter.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace siplb {
namespace {

enum class Fruit : uint8_t { Apple, Pear, kCount };

TEST(CounterTest, StartsAtZeroAndAdds) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0u);
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42u);
}

TEST(CounterTest, SetReplacesTheValue) {
  Counter counter;
  counter.add(7);
  counter.set(3);
  EXPECT_EQ(counter.value(), 3u);
}

TEST(CounterTest, WrapsAtItsMaximum) {
  Counter counter;
  counter.set(std::numeric_limits<uint64_t>::max());
  counter.add(2);
  EXPECT_EQ(counter.value(), 1u);
}

TEST(CounterArrayTest, CountsEachEnumeratorByItself) {
  CounterArray<Fruit> counters;
  counters[Fruit::Pear].add(2);
  const CounterArray<Fruit>& reader = counters;
  EXPECT_EQ(reader[Fruit::Apple].value(), 0u);
  EXPECT_EQ(reader[Fruit::Pear].value(), 2u);
}

TEST(CounterArrayTest, SumsAllEnumerators) {
  CounterArray<Fruit> counters;
  EXPECT_EQ(counters.sum(), 0u);
  counters[Fruit::Apple].add(1);
  counters[Fruit::Pear].add(2);
  EXPECT_EQ(counters.sum(), 3u);
}

}  // namespace
}  // namespace siplb
