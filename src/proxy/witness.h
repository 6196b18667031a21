// Whoever watches how a lane decides: a trace, on workers; a test of routes, on a lane of its own.
//
// Nearly always there is none; then each of these costs a test of one pointer. A witness sees what
// the lane itself goes by, and changes nothing.
// Thread: one, the lane's. What it is given dies with the call.
#pragma once

#include <cstdint>
#include <optional>

#include "balance/hash_key.h"
#include "balance/selector.h"
#include "proxy/request.h"
#include "proxy/route_table.h"
#include "proxy/verdict.h"
#include "transport/wire.h"

namespace siplb::proxy {

class Witness {
 public:
  virtual ~Witness() = default;

  // This lane is about to decide what becomes of it.
  virtual void on_received(uint8_t /*lane*/, const transport::Inbound& /*inbound*/) {}
  // What has become of it. What left because of that was sent before.
  virtual void on_verdict(const Verdict& /*verdict*/) {}

  // A request that has passed all checks of itself.
  virtual void on_request(const Request& /*request*/) {}
  // The routes were asked for it, and this one takes it.
  virtual void on_routes(const RouteTable& /*routes*/, const RouteQuery& /*query*/,
                         std::optional<size_t> /*taken*/) {}
  // It is hashed by this.
  virtual void on_key(const balance::RequestKey& /*key*/) {}
  // A server is about to be chosen for it, by the policy of a group.
  virtual void on_choice(const balance::Selector& /*selector*/,
                         const balance::Selector::Wanted& /*wanted*/) {}
};

}  // namespace siplb::proxy
