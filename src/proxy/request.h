// A request on its way through a lane: the message and what has been found out about it.
//
// Lives for one decision; all views in it die with the message's octets.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "proxy/route_set.h"
#include "proxy/sender.h"
#include "sip/message.h"
#include "transport/flow.h"

namespace siplb::proxy {

// One reading of the clocks, for all messages of a tick.
struct Tick {
  Instant now;
  uint16_t today = 0;  // days since 1970: the one use of the wall clock, for the age of tokens
};

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

}  // namespace siplb::proxy
