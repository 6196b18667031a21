// The clock that everything runs by: monotonic, read once per tick and passed down as `now`.
#pragma once

#include <chrono>

namespace siplb {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;
using Duration = std::chrono::nanoseconds;

}  // namespace siplb
