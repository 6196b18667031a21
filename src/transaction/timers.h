// The timers of RFC 3261, chapter 17 (table 4), as configured.
//
// Thread: any, values.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace siplb::transaction {

struct TimerOptions {
  Duration t1 = std::chrono::milliseconds(500);  // estimate of the round trip
  Duration t2 = std::chrono::seconds(4);         // longest pause between repeats, but of an INVITE
  Duration t4 = std::chrono::seconds(5);         // longest life of a message in the network
  Duration invite = std::chrono::seconds(32);    // B, D, H, L and M
  Duration non_invite = std::chrono::seconds(32);  // F and J
  Duration ringing = std::chrono::minutes(5);      // C (16.6, step 11)
};

// Over a reliable hop nothing is repeated.
enum class Hop : uint8_t { Datagram, Stream };

// When the n-th repeat is due, counted from the first sending; n begins at 0. The pause doubles
// from T1 on and stays at `longest` once it gets there (A: no longest; E and G: T2). Requires: t1 >
// 0.
[[nodiscard]] Duration repeat_after(Duration t1, Duration longest, uint32_t n);

}  // namespace siplb::transaction
