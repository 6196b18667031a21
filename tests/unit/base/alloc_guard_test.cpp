#include "base/alloc_guard.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include <malloc.h>

#include <gtest/gtest.h>

namespace siplb {
namespace {

// Keeps the compiler from leaving out an allocation that nobody looks at.
template <class T>
T* looked_at(T* block) {
  asm volatile("" : "+r"(block) : : "memory");
  return block;
}

// How often `action` allocates on this thread, armed.
template <class Action>
uint64_t allocations_of(Action&& action) {
  const uint64_t before = AllocGuard::allocations();
  AllocGuard::arm_this_thread();
  action();
  AllocGuard::disarm_this_thread();
  return AllocGuard::allocations() - before;
}

TEST(AllocGuardTest, CountsNothingWhereNothingIsAllocated) {
  std::vector<int> reserved;
  reserved.reserve(100);
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) reserved.push_back(i);
            }),
            0U);
}

TEST(AllocGuardTest, CountsNew) {
  EXPECT_EQ(allocations_of([] { delete looked_at(new int(1)); }), 1U);
  EXPECT_EQ(allocations_of([] { delete[] looked_at(new char[100'000]); }), 1U);
  struct alignas(128) Wide {
    char octets[128];
  };
  EXPECT_EQ(allocations_of([] { delete looked_at(new Wide); }), 1U);
}

TEST(AllocGuardTest, CountsEveryWayToAllocateInC) {
  void* block = nullptr;
  EXPECT_EQ(allocations_of([&] { block = looked_at(std::malloc(10)); }), 1U);
  EXPECT_EQ(allocations_of([&] { block = looked_at(std::realloc(block, 100'000)); }), 1U);
  EXPECT_EQ(allocations_of([&] { std::free(block); }), 0U);
  EXPECT_EQ(allocations_of([] { std::free(looked_at(std::calloc(10, 10))); }), 1U);
}

TEST(AllocGuardTest, CountsAlignedBlocksInC) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer's hook leaves them out";
#endif
  void* block = nullptr;
  EXPECT_EQ(allocations_of([] { std::free(looked_at(std::aligned_alloc(64, 128))); }), 1U);
  EXPECT_EQ(allocations_of([] { std::free(looked_at(memalign(64, 128))); }), 1U);
  EXPECT_EQ(allocations_of([] { std::free(looked_at(valloc(128))); }), 1U);
  EXPECT_EQ(allocations_of([&] {
              ASSERT_EQ(posix_memalign(&block, 64, 128), 0);
              std::free(looked_at(block));
            }),
            1U);
}

TEST(AllocGuardTest, CountsGrowthInsideALibrary) {
  std::vector<int> growing;
  EXPECT_EQ(allocations_of([&] {
              growing.push_back(1);
              growing.push_back(2);
              growing.push_back(3);
            }),
            3U);
  EXPECT_EQ(allocations_of([] { std::free(looked_at(strdup("in the C library"))); }), 1U);
}

TEST(AllocGuardTest, IgnoresUnarmedThreads) {
  const uint64_t before = AllocGuard::allocations();
  delete looked_at(new int(1));
  EXPECT_EQ(AllocGuard::allocations(), before);

  std::atomic<bool> started{false};
  std::atomic<bool> done{false};
  std::thread unarmed([&] {
    started.wait(false);
    delete looked_at(new int(1));
    done = true;
    done.notify_one();
  });
  EXPECT_EQ(allocations_of([&] {
              started = true;
              started.notify_one();
              done.wait(false);
            }),
            0U);
  unarmed.join();
}

TEST(AllocGuardTest, SumsOverArmedThreads) {
  const uint64_t before = AllocGuard::allocations();
  std::thread first([] { allocations_of([] { delete looked_at(new int(1)); }); });
  std::thread second([] { allocations_of([] { delete looked_at(new int(1)); }); });
  first.join();
  second.join();
  EXPECT_EQ(AllocGuard::allocations(), before + 2);
}

TEST(AllocGuardTest, PausesForItsScope) {
  EXPECT_EQ(allocations_of([] {
              {
                const AllocGuardPause pause;
                { const AllocGuardPause nested; }
                delete looked_at(new int(1));
              }
              delete looked_at(new int(1));
            }),
            1U);
  { const AllocGuardPause unarmed; }
  const uint64_t before = AllocGuard::allocations();
  delete looked_at(new int(1));
  EXPECT_EQ(AllocGuard::allocations(), before);
}

}  // namespace
}  // namespace siplb
