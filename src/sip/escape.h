// %-escapes in URIs, undone (RFC 3261, 19.1.2 and 25.1: "escaped").
//
// Two users are the same when their octets are, escaped or not (19.1.4); so whoever compares or
// hashes one undoes its escapes. What is forwarded keeps them.
// Thread: any. Bounds: constant, no heap.
#pragma once

#include <span>
#include <string_view>

namespace siplb::sip {

// Takes one octet off the front of `text`, its escape undone. A '%' without two hexadecimal digits
// behind it is taken as it is. Requires: `text` is not empty.
[[nodiscard]] char take_unescaped(std::string_view& text);

// `text` with its escapes undone, in `buffer`, as far as that has room; `text` itself where it has
// none to undo.
[[nodiscard]] std::string_view unescape(std::string_view text, std::span<char> buffer);

}  // namespace siplb::sip
