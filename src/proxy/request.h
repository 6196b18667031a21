// A request on its way through a lane: the message and what has been found out about it.
//
// Lives for one decision; all views in it die with the message's octets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "proxy/name_book.h"
#include "proxy/route_set.h"
#include "proxy/sender.h"
#include "sip/message.h"
#include "transport/flow.h"

namespace siplb::proxy {

// One reading of the clocks, for all messages of a tick.
struct Tick {
  Instant now;
  // By the wall clock, for the age of seals only.
  uint16_t today = 0;   // days since 1970
  uint16_t minute = 0;  // minutes since 1970, wrapping
};
// With today's date.
[[nodiscard]] Tick tick_at(Instant now);

struct Request {
  const sip::Message& message;
  transport::Flow source;
  Tick tick;
  Sender sender;
  RouteSet routes;
  sip::BranchHash branch;  // of our Via on it
  uint32_t from_tag_hash = 0;
};

// What reading a request starts from.
struct Received {
  const sip::Message& message;
  const transport::Flow& source;
  const Tick& tick;
  const sip::BranchHash& branch;
};

// Finds out who sent it and which way its Routes lead. Tokens that are refused are counted in
// `rejected`.
[[nodiscard]] Request read_request(const Snapshot& snapshot, const Received& received,
                                   CounterArray<sip::SealFault>& rejected);

// Where a URI leads.
struct UriPlace {
  SockAddress address;
  std::optional<sip::Transport> transport;  // nothing where it does not say
};
// Nothing where its host is a name, or it wants another transport than UDP or TCP.
[[nodiscard]] std::optional<UriPlace> read_place(const sip::Uri& uri);
// The host's name. Nothing where it is an address or can be no name (RFC 3261, 25.1: hostname), or
// where the URI wants another transport than UDP or TCP.
[[nodiscard]] std::optional<NameKey> read_name(const sip::Uri& uri);
// Requires: not Nothing.
[[nodiscard]] inline const sip::Uri& uri_of(const Request& request, NamedBy by) {
  return by == NamedBy::Route ? request.routes.next : request.message.uri;
}

// What tells a loop from a spiral: see Seal::loop_hash().
[[nodiscard]] uint32_t loop_hash(const Request& request, const Snapshot& snapshot);

}  // namespace siplb::proxy
