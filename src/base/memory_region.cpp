#include "base/memory_region.h"

#include <utility>

#include <sys/mman.h>

#include "base/assert.h"

namespace siplb {

Result<MemoryRegion> MemoryRegion::reserve(size_t size) {
  SIPLB_ASSERT(size > 0);
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return system_error(ErrorCode::MemoryReserve);
  return MemoryRegion({static_cast<char*>(start), size});
}

Result<MemoryRegion> MemoryRegion::map_shared(int fd, size_t size) {
  SIPLB_ASSERT(size > 0);
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) return system_error(ErrorCode::MemoryReserve);
  return MemoryRegion({static_cast<char*>(start), size});
}

MemoryRegion::MemoryRegion(MemoryRegion&& other) noexcept
    : octets_(std::exchange(other.octets_, {})) {}

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  std::swap(octets_, other.octets_);
  return *this;
}

MemoryRegion::~MemoryRegion() {
  if (!octets_.empty()) ::munmap(octets_.data(), octets_.size());
}

}  // namespace siplb
