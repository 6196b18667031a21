// Whether traffic proves that a server lives, though its probes go unanswered.
//
// Looks at a count of verified responses now and then: that it has grown between two looks says
// that responses came, at the latest at the second one.
// Thread: one, the prober's. Bounds: constant size.
#pragma once

#include <cstdint>

#include "balance/health.h"
#include "base/time.h"

namespace siplb::health {

class TrafficWatch {
 public:
  explicit TrafficWatch(uint64_t answer_count) : count_(answer_count) {}

  void look(uint64_t answer_count, Instant now) {
    if (answer_count != count_) answered_at_ = now;
    count_ = answer_count;
  }
  [[nodiscard]] balance::TrafficProof proof(Duration within, Instant now) const {
    return now <= answered_at_ + within ? balance::TrafficProof::Recent
                                        : balance::TrafficProof::None;
  }

 private:
  uint64_t count_;
  Instant answered_at_ = Instant::min();
};

}  // namespace siplb::health
