// How fast a server answers: when to call it silent (SIP.md 6).
//
// Smoothed over first answers, provisional ones among them, as TCP smooths its round trips (1/8).
// Pure: `now` comes from outside. Thread: one, the lane's worker. Bounds: 24 octets.
#pragma once

#include <optional>

#include "base/time.h"

namespace siplb::balance {

class AnswerTime {
 public:
  static constexpr Duration kSilenceMax = std::chrono::seconds(4);
  static constexpr int kSmoothedFactor = 4;

  // The first answer to a request, `after` it was sent.
  void on_first_answer(Duration after, Instant now);
  // Any further response.
  void on_answer(Instant now);

  // How long a request may go unanswered: the longer of `at_least` and 4 times the smoothed time,
  // but not above kSilenceMax or `at_least`, whichever is more.
  [[nodiscard]] Duration patience(Duration at_least) const;
  // True where it answered anything at all within `period` before `now`.
  [[nodiscard]] bool has_answered_within(Duration period, Instant now) const;

 private:
  Duration smoothed_{-1};  // below 0: no sample yet
  std::optional<Instant> answered_;
};
static_assert(sizeof(AnswerTime) <= 24);

}  // namespace siplb::balance
