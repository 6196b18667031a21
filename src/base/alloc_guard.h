// Counts heap allocations on threads that promise to make none: the workers, once started.
//
// It only counts; tests and metrics compare the number. In sanitizer builds it hangs on their
// allocator's hook (ThreadSanitizer's leaves out C's aligned functions). Elsewhere the .cpp defines
// malloc and its family, each forwarding to glibc's own: operator new and C libraries come through
// there too. An unarmed thread pays one thread-local load. As a member of a static library it is
// linked where AllocGuard is used or malloc is called by name.
//
// Thread: any; arming concerns the calling thread. Bounds: none needed.
#pragma once

#include <cstdint>

namespace siplb {

class AllocGuard {
 public:
  static void arm_this_thread();
  static void disarm_this_thread();

  // Allocations and reallocations by armed threads since the program started. From any thread.
  [[nodiscard]] static uint64_t allocations();
};

// For allocations that are known, bounded and accepted: this thread's do not count in its scope.
class AllocGuardPause {
 public:
  AllocGuardPause();
  ~AllocGuardPause();
  AllocGuardPause(const AllocGuardPause&) = delete;
  AllocGuardPause& operator=(const AllocGuardPause&) = delete;

 private:
  const bool was_armed_;
};

}  // namespace siplb
