// Sends a request or response on: our Via, Record-Route, Max-Forwards, and what is popped.
//
// All else stays byte-exact and in order (RFC 3261, 16.6).
// Thread: one, the lane's worker. No heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/counter.h"
#include "base/fixed_string.h"
#include "proxy/outlook.h"
#include "proxy/request.h"
#include "sip/editor.h"
#include "transport/wire.h"

namespace siplb::proxy {

// What a request may grow by when it is sent on: Via, two Record-Routes, Path, Max-Forwards, the
// header of its source, Content-Length, and the next Via's received and rport, all with the longest
// names.
inline constexpr size_t kAddedOctetsMax = 2624;

// Where a request goes, and what we write into it on the way.
struct Outgoing {
  transport::Flow to;
  uint8_t attempt = 0;  // of the branch: servers tried before
  sip::SealMode mode = sip::SealMode::Stateless;
  std::string_view record_route_token;  // empty: no Record-Route
  std::string_view path_token;          // empty: no Path
};

// The Content-Length of a message that has none, where it goes onto a stream, which needs it
// (20.14); empty elsewhere.
using LengthLine = FixedString<24>;
[[nodiscard]] LengthLine missing_length(const sip::Message& message, const transport::Flow& to);

// Takes the top Via, ours, off `response`, and adds what it misses on its way.
void edit_response(const sip::Message& response, const LengthLine& length, sip::Editor& editor);

// Whether something has left, as far as is known; the wire has counted it where not. A datagram
// that was not sent is one that got lost: its sender repeats it.
enum class [[nodiscard]] Sent : uint8_t{Yes, No};

class Forwarder {
 public:
  Forwarder(uint8_t lane, const Outlook& outlook, transport::Wire& wire)
      : lane_(lane), outlook_(outlook), wire_(wire) {}

  // Max-Forwards has been counted down already where the request has it, else it is added.
  Sent forward(const Request& request, const Outgoing& outgoing);
  // How many octets forward() would send.
  [[nodiscard]] size_t length(const Request& request, const Outgoing& outgoing) const;

  // Takes our Via off and sends the response to `to`.
  void forward_response(const sip::Message& response, const transport::Flow& to);
  // Sends octets as they are.
  Sent send(const transport::Flow& to, std::span<const std::string_view> pieces);
  void send(const transport::Flow& to, std::string_view octets) {
    static_cast<void>(send(to, {&octets, 1}));
  }

 private:
  // Calls use(pieces) with the request as it goes out; returns what that returns.
  template <class Use>
  auto edit(const Request& request, const Outgoing& outgoing, Use use) const;

  const uint8_t lane_;
  const Outlook& outlook_;
  transport::Wire& wire_;
};

}  // namespace siplb::proxy
