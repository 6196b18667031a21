// What host names in requests of servers lead to, as the workers see it (RFC 3263).
//
// A lane that finds a name in the book goes on at once. What it does not find it asks for, and
// looks again when the next book is published: no worker ever waits for a name server. Who asks
// whom, how often, and which names are kept, app/request_names.h says. Thread: any, immutable once
// built. Bounds: kPlacesMax places of a name; the book, its maker's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/address.h"
#include "base/fixed_string.h"
#include "base/time.h"
#include "sip/method.h"

namespace siplb::proxy {

inline constexpr size_t kHostNameOctetsMax = 253;  // RFC 1035, 2.3.4, without the final dot

// A host name and what its URI says besides of how to get there.
struct NameKey {
  FixedString<kHostNameOctetsMax> host;  // in lower case, without a final dot
  uint16_t port = 0;                     // 0: the URI says none
  std::optional<sip::Transport> transport;

  friend bool operator==(const NameKey& a, const NameKey& b) { return a.order() == b.order(); }
  friend bool operator<(const NameKey& a, const NameKey& b) { return a.order() < b.order(); }

 private:
  [[nodiscard]] std::tuple<std::string_view, uint16_t, std::optional<sip::Transport>> order()
      const {
    return {host.view(), port, transport};
  }
};

struct NamedPlace {
  SockAddress address;
  std::optional<sip::Transport> transport;  // nothing where neither URI nor SRV record says
  uint8_t rank = 0;                         // of its SRV record's priority: 0 is first
  uint16_t share = 1;                       // of its rank's requests, against others'; above 0
  bool operator==(const NamedPlace&) const = default;
};

struct NameEntry {
  static constexpr size_t kPlacesMax = 16;

  std::vector<NamedPlace> places;  // the best rank first; none: it leads nowhere
  // Who goes by it later than that asks for it again, or it is forgotten for want of use.
  Instant ask_at{};
};

using NameBook = std::map<NameKey, NameEntry>;

// Which of a request's URIs says by a name where it goes.
enum class NamedBy : uint8_t { Nothing, Route, RequestUri };

enum class [[nodiscard]] AskStatus : uint8_t{
    Asked,
    TooMany,  // all lanes ask for more names in a second than is allowed
    Full,     // too many wait to be taken up
};

// Who finds out what names lead to. Never blocks. Thread: any.
class NameAsks {
 public:
  virtual ~NameAsks() = default;
  // With Asked, a book that knows the name is published as soon as that is clear.
  virtual AskStatus ask(const NameKey& name, Instant now) = 0;
};

}  // namespace siplb::proxy
