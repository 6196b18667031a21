// Sends a request or response on: our Via, Record-Route, Max-Forwards, and what is popped.
//
// All else stays byte-exact and in order (RFC 3261, 16.6).
// Thread: one, the lane's worker. No heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/counter.h"
#include "proxy/request.h"
#include "proxy/snapshot.h"
#include "sip/editor.h"
#include "transport/wire.h"

namespace siplb::proxy {

// What a request may grow by when it is sent on: Via, two Record-Routes, Path, Max-Forwards, the
// header of its source, and the next Via's received and rport, all with the longest names.
inline constexpr size_t kAddedOctetsMax = 2560;

// Where a request goes, and what we write into it on the way.
struct Outgoing {
  transport::Flow to;
  uint8_t attempt = 0;  // of the branch: servers tried before
  sip::SealMode mode = sip::SealMode::Stateless;
  std::string_view record_route_token;  // empty: no Record-Route
  std::string_view path_token;          // empty: no Path
};

// Takes the top Via, ours, off `response`.
void remove_own_via(const sip::Message& response, sip::Editor& editor);

class Forwarder {
 public:
  Forwarder(uint8_t lane, const Snapshot& snapshot, transport::Wire& wire)
      : lane_(lane), snapshot_(snapshot), wire_(wire) {}

  // Max-Forwards has been counted down already where the request has it, else it is added. A send
  // that fails is counted by the wire; over UDP it is as good as lost on the way, and the sender
  // repeats it.
  void forward(const Request& request, const Outgoing& outgoing);

  // Takes our Via off and sends the response to `to`.
  void forward_response(const sip::Message& response, const transport::Flow& to);
  // Sends octets as they are.
  void send(const transport::Flow& to, std::span<const std::string_view> pieces);
  void send(const transport::Flow& to, std::string_view octets) { send(to, {&octets, 1}); }

 private:
  const uint8_t lane_;
  const Snapshot& snapshot_;
  transport::Wire& wire_;
};

}  // namespace siplb::proxy
