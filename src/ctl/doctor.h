// The verb `doctor`: settings of this host that harm siplb, with or without a running siplbd.
//
// Thread: one.
#pragma once

#include "ctl/diagnosis.h"
#include "ctl/verb.h"

namespace siplb::ctl {

int doctor(const Command& command, const Streams& streams);

// What is to be said of this host, for the siplbd that the command would speak with.
[[nodiscard]] std::vector<Finding> findings_of_host(const Command& command);
// {"checks": [...]}
[[nodiscard]] std::string findings_json(const std::vector<Finding>& findings);

}  // namespace siplb::ctl
