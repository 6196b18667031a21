#include "base/alloc_guard.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SIPLB_ALLOCATOR_HOOKS 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIPLB_ALLOCATOR_HOOKS 1
#endif

#if defined(SIPLB_ALLOCATOR_HOOKS)
// As in sanitizer/allocator_interface.h, which gcc does not install.
extern "C" int __sanitizer_install_malloc_and_free_hooks(  // NOLINT(bugprone-reserved-identifier)
    void (*on_malloc)(const volatile void*, size_t), void (*on_free)(const volatile void*));
#endif

namespace siplb {
namespace {

// malloc has no object to keep these in: the one exception to "no mutable globals".
constinit thread_local bool armed = false;
constinit std::atomic<uint64_t> allocation_count{0};

inline void count_allocation() {
  if (armed) allocation_count.fetch_add(1, std::memory_order_relaxed);
}

#if defined(SIPLB_ALLOCATOR_HOOKS)
void install_hooks() {
  [[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, size_t) { count_allocation(); }, [](const volatile void*) {});
}
#else
void install_hooks() {}
#endif

}  // namespace

void AllocGuard::arm_this_thread() {
  install_hooks();
  armed = true;
}

void AllocGuard::disarm_this_thread() {
  armed = false;
}

uint64_t AllocGuard::allocations() {
  return allocation_count.load(std::memory_order_relaxed);
}

AllocGuardPause::AllocGuardPause() : was_armed_(armed) {
  armed = false;
}

AllocGuardPause::~AllocGuardPause() {
  armed = was_armed_;
}

}  // namespace siplb

#if !defined(SIPLB_ALLOCATOR_HOOKS)

// glibc's replacement set, whole, so that no two allocators meet when another one is preloaded.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* __libc_valloc(size_t size);
void* __libc_pvalloc(size_t size);
void __libc_free(void* block);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(size_t size) noexcept {
  siplb::count_allocation();
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) noexcept {
  siplb::count_allocation();
  return __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) noexcept {
  siplb::count_allocation();
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) noexcept {
  siplb::count_allocation();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) {
    return EINVAL;
  }
  void* const block = memalign(alignment, size);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

void* valloc(size_t size) noexcept {
  siplb::count_allocation();
  return __libc_valloc(size);
}

void* pvalloc(size_t size) noexcept {
  siplb::count_allocation();
  return __libc_pvalloc(size);
}

void free(void* block) noexcept {
  __libc_free(block);
}
}

#endif
