#include "balance/answer_time.h"

#include <algorithm>

namespace siplb::balance {
namespace {

constexpr int kGainDivisor = 8;

}  // namespace

void AnswerTime::on_first_answer(Duration after, Instant now) {
  if (smoothed_ < Duration::zero()) {
    smoothed_ = after;
  } else {
    smoothed_ += (after - smoothed_) / kGainDivisor;
  }
  on_answer(now);
}

void AnswerTime::on_answer(Instant now) {
  answered_ = now;
}

Duration AnswerTime::patience(Duration at_least) const {
  return std::clamp(kSmoothedFactor * smoothed_, at_least, std::max(at_least, kSilenceMax));
}

bool AnswerTime::has_answered_within(Duration period, Instant now) const {
  return answered_.has_value() && now - *answered_ <= period;
}

}  // namespace siplb::balance
