// The sent-by of a Via as one value, however it is printed, for the hashes of the seal.
//
// Between sealing and opening a stack may have printed the Via anew: the host in another case, an
// IPv6 address in another spelling, the default port added or left out.
// Thread: any. Bounds: constant, no heap; views into the text given.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "sip/via.h"

namespace siplb::sip {

struct SentBy {
  std::string_view host;  // as written; IPv6 with brackets
  uint16_t port = 0;      // effective
};

[[nodiscard]] SentBy sent_by(const Via& via);
// Takes "host" or "host:port", as siplb prints it into its own Via. Requires: well-formed.
[[nodiscard]] SentBy sent_by(std::string_view text, Transport transport);

// Adds what compares equal as equal input (RFC 3261, 18.1.1 and 20.42).
void add_sent_by(KeyedHash& hash, const SentBy& value);

}  // namespace siplb::sip
