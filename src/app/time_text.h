// Time as the admin API tells it: a point as "2026-11-21T16:00:00.250Z", a duration in seconds.
//
// Thread: any.
#pragma once

#include <chrono>
#include <string>

#include "base/time.h"

namespace siplb::app {

[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point time);
[[nodiscard]] inline double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace siplb::app
