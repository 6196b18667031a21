// Answers that wait: for the end of a delay or of ringing, or for the ACK that stops them.
//
// Found by a hash that stands for the request. A fixed array of entries, chained by that hash, with
// their text in a region of its own.
// Thread: one. Bounds: entries_max entries; full is an ordinary answer; no heap after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/memory_region.h"
#include "base/time.h"
#include "load/answer_text.h"
#include "net/timer_wheel.h"
#include "transport/flow.h"

namespace siplb::load {

//   Delayed ──▶ Trying ──▶ Ringing ──▶ Final: sent again until its ACK comes, or 64 × T1 are over
//      └───────────┴──────────┴────────────^
enum class HeldState : uint8_t { Delayed, Trying, Ringing, Final };

// What the final answer is.
enum class Outcome : uint8_t { Ok, NoDialog, Merged, Cancelled, Unavailable };

struct HeldAnswer : net::TimerNode {
  uint64_t key = 0;
  uint32_t next = 0;  // in its chain, or among the free ones
  uint32_t cseq = 0;
  HeldState state = HeldState::Delayed;
  Outcome outcome = Outcome::Ok;
  bool is_invite = false;
  uint16_t basic_length = 0;
  uint16_t full_length = 0;
  uint64_t call = 0;         // Deliveries::call_of()
  uint64_t transaction = 0;  // Deliveries::transaction_of()
  transport::Flow flow;
  Instant answer_at{};  // the end of the delay
  Instant give_up{};
  Duration interval{};
};

class HeldAnswers {
 public:
  // Requires: entries_max > 0.
  [[nodiscard]] static Result<HeldAnswers> reserve(uint32_t entries_max);

  // Null where there is none.
  [[nodiscard]] HeldAnswer* find(uint64_t key) const;
  // A fresh entry with a copy of `text`; null when all are taken. Requires: find(key) is null.
  [[nodiscard]] HeldAnswer* add(uint64_t key, const AnswerText& text);
  // Requires: `answer` came from here and is not scheduled.
  void remove(HeldAnswer& answer);

  [[nodiscard]] std::string_view basic(const HeldAnswer& answer) const;
  [[nodiscard]] std::string_view full(const HeldAnswer& answer) const;
  [[nodiscard]] uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  HeldAnswers(uint32_t entries_max, MemoryRegion texts);
  [[nodiscard]] uint32_t chain_of(uint64_t key) const;
  [[nodiscard]] char* text_of(const HeldAnswer& answer) const;

  std::unique_ptr<HeldAnswer[]> entries_;
  std::vector<uint32_t> chains_;  // a power of two of them
  MemoryRegion texts_;
  uint32_t free_ = kNone;
  uint32_t size_ = 0;
};

}  // namespace siplb::load
