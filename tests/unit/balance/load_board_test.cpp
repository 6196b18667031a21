#include "balance/load_board.h"

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = Instant{} + 1h;
constexpr Duration kLife = LoadBoard::kHalfLife;

double ms(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

TEST(LoadBoardTest, BeginsAtZero) {
  const LoadBoard board(2, 3);
  for (ServerIndex server = 0; server < 3; ++server) {
    EXPECT_EQ(board.inflight(server), 0u);
    EXPECT_EQ(board.answer_count(server), 0u);
    EXPECT_EQ(board.answer_time(server, kNow), 0ns);
  }
}

TEST(LoadBoardTest, SumsOverAllWorkersAndNoOtherServer) {
  constexpr size_t kWorkers = 3;
  constexpr ServerIndex kServers = 4;
  LoadBoard board(kWorkers, kServers);
  for (size_t worker = 0; worker < kWorkers; ++worker) {
    for (ServerIndex server = 0; server < kServers; ++server) {
      for (size_t n = 0; n <= worker + 10 * server; ++n) {
        board.on_begun(worker, server);
        board.on_answer(worker, server);
        board.on_answer(worker, server);
      }
    }
  }
  for (ServerIndex server = 0; server < kServers; ++server) {
    EXPECT_EQ(board.inflight(server), 3u + 3 + 30u * server);
    EXPECT_EQ(board.answer_count(server), 2 * board.inflight(server));
  }
}

TEST(LoadBoardTest, GoesBackToZero) {
  LoadBoard board(2, 1);
  for (int round = 0; round < 3; ++round) {
    board.on_begun(0, 0);
    board.on_begun(1, 0);
    EXPECT_EQ(board.inflight(0), 2u);
    board.on_ended(0, 0);
    EXPECT_EQ(board.inflight(0), 1u);
    board.on_ended(1, 0);
    EXPECT_EQ(board.inflight(0), 0u);
  }
}

TEST(LoadBoardTest, NeverFallsBelowZero) {
  LoadBoard board(2, 1);
  board.on_begun(1, 0);
  board.on_ended(0, 0);
  EXPECT_EQ(board.inflight(0), 1u);
}

TEST(LoadBoardTest, FirstAnswersCountAsAnswersToo) {
  LoadBoard board(1, 1);
  board.on_first_answer(0, 0, 5ms, kNow);
  board.on_answer(0, 0);
  EXPECT_EQ(board.answer_count(0), 2u);
}

TEST(LoadBoardTest, TakesUpALongerTimeAtOnce) {
  LoadBoard board(1, 1);
  board.on_first_answer(0, 0, 10ms, kNow);
  EXPECT_EQ(board.answer_time(0, kNow), 10ms);
  board.on_first_answer(0, 0, 900ms, kNow + 1ms);
  EXPECT_EQ(board.answer_time(0, kNow + 1ms), 900ms);
}

TEST(LoadBoardTest, ForgetsHalfOfItWithEachHalfLife) {
  LoadBoard board(1, 1);
  board.on_first_answer(0, 0, 800ms, kNow);
  EXPECT_NEAR(ms(board.answer_time(0, kNow + kLife)), 400, 0.01);
  EXPECT_NEAR(ms(board.answer_time(0, kNow + 3 * kLife)), 100, 0.01);
  EXPECT_EQ(board.answer_time(0, kNow + 10'000 * kLife), 0ns);
}

TEST(LoadBoardTest, FallsTowardsWhatIsMeasuredHoweverOftenThatIs) {
  for (const int samples : {1, 10, 1000}) {
    LoadBoard board(1, 1);
    board.on_first_answer(0, 0, 810ms, kNow);
    for (int i = 1; i <= samples; ++i) {
      board.on_first_answer(0, 0, 10ms, kNow + i * kLife / samples);
    }
    EXPECT_NEAR(ms(board.answer_time(0, kNow + kLife)), 410, 0.1) << samples;
  }
}

TEST(LoadBoardTest, IsAsSlowAsItsSlowestWorkerSees) {
  LoadBoard board(3, 2);
  board.on_first_answer(0, 0, 10ms, kNow);
  board.on_first_answer(1, 0, 70ms, kNow);
  board.on_first_answer(2, 1, 500ms, kNow);
  EXPECT_EQ(board.answer_time(0, kNow), 70ms);
}

// Workers read their clocks each on its own.
TEST(LoadBoardTest, ReadsWhatAnotherWorkerMeasuredAMomentLater) {
  LoadBoard board(2, 1);
  board.on_first_answer(1, 0, 70ms, kNow + 5ms);
  EXPECT_EQ(board.answer_time(0, kNow), 70ms);
}

TEST(LoadBoardTest, ConstructsWhatItSaysForTheBudget) {
  EXPECT_EQ(LoadBoard::memory_octets(4, 100), 4u * 100 * 64);
}

}  // namespace
}  // namespace siplb::balance
