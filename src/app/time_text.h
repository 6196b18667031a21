// A point in time as JSON tells it: "2026-11-21T16:00:00.250Z".
//
// Thread: any.
#pragma once

#include <chrono>
#include <string>

namespace siplb::app {

[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point time);

}  // namespace siplb::app
