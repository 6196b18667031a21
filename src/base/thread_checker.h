// Catches use of a one-thread class from a second thread, in debug builds.
//
// The first thread that calls check() owns the object; detach() lets the next caller own it, for
// objects built on one thread and used on another.
// Thread: any, synchronised inside.
#pragma once

#include <atomic>
#include <thread>

#include "base/assert.h"

namespace siplb {

class ThreadChecker {
 public:
  void check() const {
#if defined(SIPLB_DEBUG)
    std::thread::id expected{};
    const std::thread::id self = std::this_thread::get_id();
    if (!owner_.compare_exchange_strong(expected, self, std::memory_order_relaxed)) {
      SIPLB_ASSERT(expected == self);
    }
#endif
  }

  void detach() {
#if defined(SIPLB_DEBUG)
    owner_.store(std::thread::id{}, std::memory_order_relaxed);
#endif
  }

#if defined(SIPLB_DEBUG)
 private:
  mutable std::atomic<std::thread::id> owner_{};
#endif
};

}  // namespace siplb
