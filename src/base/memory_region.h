// One stretch of address space, reserved at start and touched as it is used.
//
// Pools and receive areas are carved out of regions, so that the memory budget can add them up and
// nothing on the data path asks the heap. What is to outlive the process is mapped from a memfd.
// Thread: one. Bounds: fixed at reservation; pages cost nothing until their first use.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace siplb {

class MemoryRegion {
 public:
  // Reserves `size` octets, zeroed and page-aligned. Requires: size > 0.
  [[nodiscard]] static Result<MemoryRegion> reserve(size_t size);
  // Maps the first `size` octets of `fd`: what is written here is there, for whoever maps it later.
  // Our copy of the descriptor may be closed afterwards. Requires: size > 0, and `fd` never becomes
  // shorter than that, or touching what is gone ends the process.
  [[nodiscard]] static Result<MemoryRegion> map_shared(int fd, size_t size);

  MemoryRegion(MemoryRegion&& other) noexcept;
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;
  ~MemoryRegion();

  [[nodiscard]] std::span<char> octets() const { return octets_; }

 private:
  explicit MemoryRegion(std::span<char> octets) : octets_(octets) {}

  std::span<char> octets_;
};

}  // namespace siplb
