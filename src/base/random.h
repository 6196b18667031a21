// Random octets from the kernel: for keys and for what tells one process from the next.
//
// Only for starting up; nothing on the data path is random. Thread: any.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace siplb {

// Fills `octets`; ErrorCode::RandomUnavailable where the kernel gives none.
// Requires: at most 256 octets, which the kernel gives whole.
[[nodiscard]] Result<void> fill_random(std::span<uint8_t> octets);

[[nodiscard]] Result<uint32_t> random_u32();

}  // namespace siplb
