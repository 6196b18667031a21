// Which header a name means: long and compact forms, in any case (RFC 3261, 7.3.3 and 20).
//
// Only the headers that siplb reads have an id; all others are opaque to it.
// Thread: any, immutable.
#pragma once

#include <string_view>

#include "sip/message.h"

namespace siplb::sip {

[[nodiscard]] HeaderId header_id(std::string_view name);

// The long form of a compact name, of all that are registered; any other name as it is.
[[nodiscard]] std::string_view long_form(std::string_view name);

}  // namespace siplb::sip
