#include "transaction/timers.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::transaction {

Duration repeat_after(Duration t1, Duration longest, uint32_t n) {
  SIPLB_ASSERT(t1 > Duration::zero());
  Duration pause = std::min(t1, longest);
  Duration after = pause;
  for (; n > 0 && pause < longest; --n) {
    pause = std::min(2 * pause, longest);
    after += pause;
  }
  return after + n * pause;
}

}  // namespace siplb::transaction
