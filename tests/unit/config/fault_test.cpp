#include "config/fault.h"

#include <gtest/gtest.h>

namespace siplb::config {
namespace {

TEST(FaultTest, PrintsItsPlaceWhereItHasOne) {
  EXPECT_EQ(to_text({"siplb.yaml", {3, 5}, "wrong"}), "siplb.yaml:3:5: wrong");
  EXPECT_EQ(to_text({"siplb.yaml", {}, "wrong"}), "siplb.yaml: wrong");
}

TEST(FaultListTest, SortsByPlaceAndKeepsTheOrderWithinOne) {
  FaultList list("f");
  EXPECT_TRUE(list.empty());
  list.add({2, 1}, "c");
  list.add({1, 9}, "a");
  list.add({1, 9}, "b");
  std::string order;
  for (const Fault& fault : list.take_sorted()) order += fault.message;
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(list.empty());
}

TEST(FaultListTest, KnowsTheExactPlacesOfItsFaults) {
  FaultList list("f");
  EXPECT_FALSE(list.has({}));
  list.add({1, 2}, "a");
  list.add({3, 4}, "b");
  EXPECT_TRUE(list.has({1, 2}));
  EXPECT_TRUE(list.has({3, 4}));
  EXPECT_FALSE(list.has({1, 4}));
  EXPECT_FALSE(list.has({3, 2}));
}

TEST(FaultListTest, TakesNoMoreThanItsBound) {
  FaultList list("f");
  for (size_t i = 0; i <= kFaultsMax; ++i) list.add({}, "x");
  EXPECT_EQ(list.take_sorted().size(), kFaultsMax);
}

TEST(ShownTest, QuotesCutsAndDisarms) {
  EXPECT_EQ(shown("abc"), "'abc'");
  EXPECT_EQ(shown("a\x1b[31m\n\x7f z"), "'a?[31m?? z'");
  EXPECT_EQ(shown(std::string(40, 'a')), "'" + std::string(40, 'a') + "'");
  EXPECT_EQ(shown(std::string(41, 'a')), "'" + std::string(40, 'a') + "...'");
}

}  // namespace
}  // namespace siplb::config
