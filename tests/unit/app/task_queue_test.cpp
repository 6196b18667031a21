#include "app/task_queue.h"

#include <semaphore>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

// A queue whose thread does what it is asked for until the queue is closed.
class TaskQueueTest : public testing::Test {
 protected:
  void start() {
    thread_ = std::thread([this] {
      do {
        news_.acquire();
      } while (queue_.drain());
    });
  }
  void TearDown() override {
    queue_.close();
    if (thread_.joinable()) thread_.join();
  }

  std::counting_semaphore<> news_{0};
  TaskQueue queue_{[this] { news_.release(); }};
  std::thread thread_;
};

TEST_F(TaskQueueTest, DoesTasksInTheirOrderEvenIfItIsClosedMeanwhile) {
  std::vector<int> done;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue_.post([&done, i] { done.push_back(i); }));
  EXPECT_TRUE(queue_.post([this] { queue_.close(); }));
  EXPECT_TRUE(queue_.post([&done] { done.push_back(3); }));
  EXPECT_FALSE(queue_.drain());
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3}));
}

TEST_F(TaskQueueTest, HasNothingToDoWhileItIsEmpty) {
  EXPECT_TRUE(queue_.drain());
}

TEST_F(TaskQueueTest, TakesNoTasksOnceItIsClosed) {
  queue_.close();
  EXPECT_FALSE(queue_.post([] { FAIL(); }));
  EXPECT_EQ(queue_.ask([] { return 1; }), std::nullopt);
  EXPECT_FALSE(queue_.drain());
}

TEST_F(TaskQueueTest, AnswersThoseWhoAsk) {
  start();
  std::vector<std::thread> askers;
  int sum = 0;  // the queue's thread's alone
  for (int i = 1; i <= 8; ++i) {
    askers.emplace_back([this, &sum, i] {
      const auto answer = queue_.ask([&sum, i] {
        sum += i;
        return i;
      });
      EXPECT_EQ(answer, i);
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(queue_.ask([&sum] { return sum; }), 36);
}

TEST_F(TaskQueueTest, HandsAnExceptionToWhoAsked) {
  start();
  EXPECT_THROW(static_cast<void>(queue_.ask([]() -> int { throw std::runtime_error("no"); })),
               std::runtime_error);
  EXPECT_EQ(queue_.ask([] { return 2; }), 2);
}

}  // namespace
}  // namespace siplb::app
