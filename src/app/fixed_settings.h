// What can't change while siplb runs: threads, lanes, and whatever memory was set aside by.
//
// Thread: any, pure.
#pragma once

#include <string>
#include <vector>

#include "app/memory_budget.h"
#include "config/configuration.h"

namespace siplb::app {

// The keys of what `wanted` has otherwise than `running`, with a word where the key alone does not
// say it. `sizing` is that of the process.
[[nodiscard]] std::vector<std::string> fixed_settings_changed(const config::Configuration& running,
                                                              const config::Configuration& wanted,
                                                              const Sizing& sizing);

// All keys that can't change, for the manual.
[[nodiscard]] std::vector<std::string_view> fixed_settings();

}  // namespace siplb::app
