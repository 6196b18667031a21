#include "balance/call_ledger.h"

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using enum CallState;

constexpr ServerIndex kServer = 1;
constexpr ServerIndex kStranger = 2;

class CallLedgerTest : public testing::Test {
 protected:
  CallCounts counts{2};
  CallLedger ledger{&counts};
};

TEST_F(CallLedgerTest, CountsWhatItTakes) {
  EXPECT_TRUE(ledger.try_reserve(kServer, 2));
  ledger.add(kServer, Active);
  EXPECT_FALSE(ledger.try_reserve(kServer, 2));
  ledger.add(kServer, Reserved);
  EXPECT_EQ(counts.reserved(kServer), 2u);
  ledger.activate(kServer);
  EXPECT_EQ(counts.active(kServer), 2u);
  ledger.release(kServer, Active);
  ledger.release(kServer, Reserved);
  EXPECT_EQ(counts.calls(kServer), 1u);
  EXPECT_EQ(counts.calls(0), 0u);
}

TEST_F(CallLedgerTest, HasSlotsWhileAnyIsTaken) {
  EXPECT_FALSE(ledger.has_slots());
  for (const CallState state : {Reserved, Active}) {
    ledger.add(kServer, state);
    EXPECT_TRUE(ledger.has_slots());
    ledger.release(kServer, state);
    EXPECT_FALSE(ledger.has_slots());
  }
}

TEST_F(CallLedgerTest, LeavesOtherLanesSlotsAlone) {
  CallLedger others(&counts);
  EXPECT_TRUE(others.try_reserve(kServer, 0));
  others.add(kServer, Active);
  ledger.release(kServer, Reserved);
  ledger.release(kServer, Active);
  ledger.activate(kServer);
  EXPECT_EQ(ledger.settle(), 0u);
  EXPECT_EQ(counts.reserved(kServer), 1u);
  EXPECT_EQ(counts.active(kServer), 1u);
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST_F(CallLedgerTest, TakesNothingOfAServerThatItDoesNotKnow) {
  CallLedger without(nullptr);
  for (const ServerIndex server : {kStranger, kNoServer}) {
    for (CallLedger* each : {&ledger, &without}) {
      EXPECT_FALSE(each->knows(server));
      EXPECT_FALSE(each->try_reserve(server, 0));
      each->add(server, Active);
      each->activate(server);
      each->release(server, Active);
      each->tally(server, Active);
      each->untally(server, Active);
      EXPECT_EQ(each->settle(), 0u);
    }
  }
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST_F(CallLedgerTest, AgreesWithATallyOfWhatIsThere) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ledger.try_reserve(kServer, 0));
  ledger.activate(kServer);
  ledger.tally(kServer, Active);
  ledger.tally(kServer, Reserved);
  ledger.tally(kServer, Reserved);
  ledger.tally(kServer, Ended);
  ledger.tally(kServer, Uncounted);
  // One more goes on from where the walk has been.
  ledger.untally(kServer, Reserved);
  ledger.activate(kServer);
  ledger.tally(kServer, Active);
  EXPECT_EQ(ledger.settle(), 0u);
  EXPECT_EQ(counts.active(kServer), 2u);
  EXPECT_EQ(counts.reserved(kServer), 1u);
}

TEST_F(CallLedgerTest, SettlesToTheTallyAndBeginsItAnew) {
  for (int i = 0; i < 5; ++i) ledger.add(kServer, Active);
  ledger.tally(kServer, Active);
  ledger.tally(kServer, Reserved);
  ledger.tally(0, Active);
  EXPECT_EQ(ledger.settle(), 4u + 1 + 1);
  EXPECT_EQ(counts.active(kServer), 1u);
  EXPECT_EQ(counts.reserved(kServer), 1u);
  EXPECT_EQ(counts.active(0), 1u);
  EXPECT_EQ(ledger.settle(), 3u);
  EXPECT_EQ(counts.calls(kServer), 0u);
  EXPECT_EQ(counts.calls(0), 0u);
  EXPECT_EQ(ledger.settle(), 0u);
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST_F(CallLedgerTest, TallyNeverFallsBelowZero) {
  ledger.add(kServer, Active);
  ledger.untally(kServer, Active);
  ledger.tally(kServer, Active);
  EXPECT_EQ(ledger.settle(), 0u);
}

TEST(CallLedgerBudgetTest, SaysWhatItWillTake) {
  EXPECT_EQ(CallLedger::memory_octets(100), 1600u);
}

}  // namespace
}  // namespace siplb::balance
