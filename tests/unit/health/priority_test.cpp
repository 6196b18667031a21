#include "health/priority.h"

#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace siplb::health {
namespace {

// Each on a thread of its own, since a priority stays.
template <class Body>
void on_thread(Body body) {
  std::thread(body).join();
}

TEST(PriorityTest, RealTimeIsGrantedWithAFuseOrRefusedWithAReason) {
  on_thread([] {
    const int error = try_priority(Priority::RealTime);
    EXPECT_EQ(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, error == 0 ? SCHED_FIFO : SCHED_OTHER)
        << error;
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_RTTIME, &limit), 0);
    EXPECT_LE(limit.rlim_cur, 500'000u);
  });
}

TEST(PriorityTest, RaisedIsGrantedOrRefusedWithAReason) {
  on_thread([] {
    const int before = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    const int error = try_priority(Priority::Raised);
    const int after = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    EXPECT_EQ(after, error == 0 ? -10 : before) << error;
  });
}

TEST(PriorityTest, OrdinaryIsAlwaysGranted) {
  on_thread([] {
    EXPECT_EQ(try_priority(Priority::Ordinary), 0);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  });
}

TEST(PriorityTest, HasNames) {
  EXPECT_EQ(name(Priority::RealTime), "real_time");
  EXPECT_EQ(name(Priority::Raised), "raised");
  EXPECT_EQ(name(Priority::Ordinary), "ordinary");
}

}  // namespace
}  // namespace siplb::health
