// Chance that repeats: one number seeds everything that happens.
//
// SplitMix64, since its whole state is one word: a generator for each call costs nothing.
// Thread: one.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/time.h"

namespace siplb::test {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  bool chance(double share) { return unit() < share; }
  // Evenly spread over [least, most).
  Duration between(Duration least, Duration most) {
    return least + std::chrono::duration_cast<Duration>((most - least) * unit());
  }
  // What lies between two events that know nothing of each other.
  Duration exponential(Duration mean) {
    return std::chrono::duration_cast<Duration>(mean * -std::log1p(-unit()));
  }

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

}  // namespace siplb::test
