// How a simulated server says who it is, and how a To tag says which server it belongs to.
//
// Each answer has the header `Server: siplb-load/s2`; a To tag is `s2.` and 16 digits that the
// Call-ID decides, so a retransmitted request gets the same tag without a table.
// Thread: any. Bounds: constant size, no heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fixed_string.h"
#include "sip/message.h"

namespace siplb::load {

using ServerTag = FixedString<8 + 1 + 16>;

// "s2" from the answer of a simulated server; empty for any other.
[[nodiscard]] std::string_view server_name(const sip::Message& answer);
// The value of that header. Requires: name.size() <= 8.
[[nodiscard]] FixedString<24> server_header(std::string_view name);

// Requires: name.size() <= 8.
[[nodiscard]] ServerTag write_tag(std::string_view name, std::string_view call_id);
// "s2" from a tag of our form; empty for any other.
[[nodiscard]] std::string_view name_in_tag(std::string_view tag);

}  // namespace siplb::load
