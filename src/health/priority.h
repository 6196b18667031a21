// The priority of the thread that probes: before those that carry traffic, so that a server is not
// found silent because this host is busy.
//
// Thread: any; it is about the one that calls.
#pragma once

#include <cstdint>
#include <string_view>

namespace siplb::health {

enum class Priority : uint8_t {
  RealTime,  // SCHED_FIFO, the lowest of it
  Raised,    // nice -10
  Ordinary,
};

[[nodiscard]] std::string_view name(Priority priority);  // "real_time", for metrics

// Gives the calling thread this priority; 0, or the errno of the kernel's refusal.
// With RealTime the process ends once such a thread has run half a second without a pause
// (RLIMIT_RTTIME): a fault of ours must not take the processor from all others.
[[nodiscard]] int try_priority(Priority priority);

}  // namespace siplb::health
