// What siplbd says of a tested message, step by step, as text for people in 80 columns.
//
// `body` is the JSON of its answer (docs/admin-api.md); one of another shape makes it throw
// std::exception.
// Thread: any. Pure.
#pragma once

#include <string>

namespace siplb::ctl {

[[nodiscard]] std::string route_sheet(const std::string& body);

}  // namespace siplb::ctl
