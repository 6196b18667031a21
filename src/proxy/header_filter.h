// Takes headers out of what clients send: identity that only servers may claim (RFC 3325, 7).
//
// Names are matched without case, and in their compact form too. The octets are closed up in place,
// and the message is scanned anew; most messages have nothing to take out.
// Thread: any, immutable once built. Bounds: no heap after the constructor.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sip/message.h"
#include "transport/listener_options.h"

namespace siplb::proxy {

class HeaderFilter {
 public:
  explicit HeaderFilter(const transport::HeaderPolicy& policy);

  // The name of the header that tells servers where a client's request came from; empty: none.
  [[nodiscard]] const std::string& source_header() const { return source_header_; }

  // True where there is never anything to take out.
  [[nodiscard]] bool is_empty() const { return names_.empty() && beginnings_.empty(); }

  // Closes up `octets`, which `message` was scanned from, over the headers to take out. Returns how
  // many octets are left, all of them where there was nothing to do. Headers that siplb reads
  // itself stay, whatever the policy says.
  [[nodiscard]] size_t apply(std::span<char> octets, const sip::Message& message) const;

 private:
  [[nodiscard]] bool removes(const sip::Header& header) const;

  std::vector<std::string> names_;       // long forms
  std::vector<std::string> beginnings_;  // of names
  std::string source_header_;
};

}  // namespace siplb::proxy
