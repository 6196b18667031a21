// What the caller counts: how calls ended, how long their set-up took, and who answered them.
//
// Thread: one writer, the caller's; read between ticks. Bounds: kServersMax servers, constant size.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/histogram.h"

namespace siplb::load {

// Calls by the server that answered them. Servers name themselves in their answers; those that do
// not (they are not ours), or come too late for the table, are counted together.
class ServerShares {
 public:
  static constexpr size_t kServersMax = 64;
  using Name = FixedString<32>;

  struct Share {
    Name name;  // empty: all others
    uint64_t calls = 0;
  };

  // Finds the server's place, or makes one: 0 where `name` is empty, too long, or the table full.
  [[nodiscard]] uint8_t place_of(std::string_view name);
  void count(uint8_t place) { ++shares_[place].calls; }

  // The servers in order of appearance, behind the first, which is all others.
  [[nodiscard]] std::span<const Share> shares() const { return {shares_.data(), size_}; }

 private:
  std::array<Share, 1 + kServersMax> shares_;
  size_t size_ = 1;
};

struct CallStats {
  static constexpr uint16_t kCodeMin = 300;
  static constexpr uint16_t kCodeMax = 699;

  uint64_t started = 0;
  uint64_t succeeded = 0;
  uint64_t not_started = 0;   // all slots were taken
  uint64_t timeouts = 0;      // no final answer
  uint64_t disconnected = 0;  // their connection ended before it
  uint64_t oversized = 0;     // an answer with more routes than an in-dialog request can hold
  std::array<uint64_t, kCodeMax - kCodeMin + 1> failures_by_code{};
  uint64_t cancelled = 0;           // of the succeeded: ended in 487, as was asked
  uint64_t cancelled_too_late = 0;  // of the succeeded: answered before the CANCEL was there
  uint64_t refused_cancels = 0;     // CANCELs that were answered other than 2xx
  uint64_t duplicate_2xx = 0;       // dialogs of calls that had another one
  uint64_t late_2xx = 0;            // dialogs of calls that were over
  uint64_t unreleased = 0;          // of these two: nobody answered the BYE
  uint64_t misroutes = 0;           // a BYE was answered by another server than its INVITE
  uint64_t retransmissions = 0;     // requests sent again
  uint64_t repeated_answers = 0;    // final answers to INVITE that came again
  uint64_t strays = 0;              // what belongs to no call
  uint64_t refused_sends = 0;       // by the wire, for want of room; they are retransmitted
  Histogram setup;                  // from the first request to its 2xx
  Histogram setup_recent;           // the same, cleared by whoever shows it
  ServerShares servers;

  void count_failure(uint16_t code) { ++failures_by_code[code - kCodeMin]; }
  // All ways in which a call that started can fail.
  [[nodiscard]] uint64_t failed() const;
  [[nodiscard]] uint64_t in_flight() const { return started - succeeded - failed(); }
  // All calls started, were answered, and stayed on their server.
  [[nodiscard]] bool all_well() const;
};

}  // namespace siplb::load
