#include "base/random.h"

#include <array>
#include <bit>

#include <sys/random.h>

namespace siplb {

Result<void> fill_random(std::span<uint8_t> octets) {
  const ssize_t given = getrandom(octets.data(), octets.size(), 0);
  if (given != static_cast<ssize_t>(octets.size())) {
    return system_error(ErrorCode::RandomUnavailable);
  }
  return {};
}

Result<uint32_t> random_u32() {
  std::array<uint8_t, sizeof(uint32_t)> octets;
  if (auto filled = fill_random(octets); !filled) return tl::unexpected(filled.error());
  return std::bit_cast<uint32_t>(octets);
}

}  // namespace siplb
