// The priority of the thread that probes: before those that carry traffic, so that a server is not
// found silent because this host is busy.
//
// Thread: any; it is about the one that calls.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace siplb::health {

enum class Priority : uint8_t {
  RealTime,  // SCHED_FIFO, the lowest of it
  Raised,    // nice -10
  Ordinary,
};

[[nodiscard]] std::string_view name(Priority priority);  // "real_time", for metrics

// What to try, the best first. With sanitizers nothing of RealTime: their locks spin, and who spins
// at such a priority for what a preempted thread holds never lets it go on.
#ifdef SIPLB_SANITIZED
inline constexpr std::array kPriorities = {Priority::Raised, Priority::Ordinary};
#else
inline constexpr std::array kPriorities = {Priority::RealTime, Priority::Raised,
                                           Priority::Ordinary};
#endif

// Gives the calling thread this priority; 0, or the errno of the kernel's refusal.
// With RealTime the process ends once such a thread has run half a second without a pause
// (RLIMIT_RTTIME): a fault of ours must not take the processor from all others.
[[nodiscard]] int try_priority(Priority priority);

}  // namespace siplb::health
