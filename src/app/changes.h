// What one configuration has otherwise than another, for people.
//
// Thread: any, pure.
#pragma once

#include <string>
#include <vector>

#include "config/configuration.h"

namespace siplb::app {

// One thing in each line: "servers added: pbx/s3, pbx/s4", "routes changed". Empty where both are
// alike. Requires: both are arranged (places.h) by the same Places.
[[nodiscard]] std::vector<std::string> changes(const config::Configuration& before,
                                               const config::Configuration& after);

}  // namespace siplb::app
