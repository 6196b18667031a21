// What is well with a host and what is not, with the remedy: judged by what it says of itself.
//
// Thread: any. Pure.
#pragma once

#include <string>
#include <vector>

#include "ctl/host_facts.h"

namespace siplb::ctl {

struct Finding {
  std::string check;   // "receive-buffer"
  std::string text;    // what was found
  std::string remedy;  // empty: all is well
};

// One for each thing that could be looked at. `ports`: that siplb has, or will have.
[[nodiscard]] std::vector<Finding> diagnose(const HostFacts& facts,
                                            const std::vector<uint16_t>& ports);

[[nodiscard]] bool is_well(const std::vector<Finding>& findings);
// A line for each, and below it the remedy.
[[nodiscard]] std::string findings_text(const std::vector<Finding>& findings);

}  // namespace siplb::ctl
