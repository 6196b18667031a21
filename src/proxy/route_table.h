// Which route takes a new request: the first whose every condition holds.
//
// Patterns are made once per worker, since RE2 locks while it matches. Routes without any cost a
// few tests of bits; the user is read when the first route asks for it.
// Thread: one, a worker. Bounds: kExpressionOctetsMax of memory per expression; heap in RE2 only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "proxy/route_options.h"
#include "sip/message.h"
#include "transport/flow.h"

namespace siplb::proxy {

struct RouteQuery {
  const sip::Message& message;
  sip::Method method = sip::Method::Other;  // that of an INVITE for its CANCEL and ACK
  transport::Flow source;
  uint64_t sender_groups = 0;  // bit per group that the sender is a server of; 0 = a client
};

// What a route may ask for, in the order in which it is looked at.
enum class RouteKey : uint8_t {
  Methods,
  Listeners,
  Transports,
  FromGroup,  // also where a server sends it, and the route says none
  Sources,
  RequestUser,
  RequestHost,
  Headers,
};
// "from_group", as the configuration says it.
[[nodiscard]] std::string_view name(RouteKey key);

class RouteTable {
 public:
  // Borrows the routes. Requires: patterns as the configuration has validated them.
  explicit RouteTable(std::span<const RouteOptions> routes);
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // The position of the route; nothing where no route takes it. Expressions that had to be matched
  // are counted in `expressions`.
  [[nodiscard]] std::optional<size_t> select(const RouteQuery& query, Counter& expressions) const;
  // Why this route does not take it: the first key that does not hold. Nothing where it takes it.
  [[nodiscard]] std::optional<RouteKey> find_obstacle(size_t route, const RouteQuery& query,
                                                      Counter& expressions) const;

 private:
  struct Conditions;
  class Candidate;
  [[nodiscard]] static std::optional<RouteKey> find_obstacle(const Conditions& conditions,
                                                             const RouteQuery& query,
                                                             Candidate& candidate);

  std::vector<Conditions> conditions_;  // by route
};

// How many expressions the routes ask for: what a RouteTable compiles.
[[nodiscard]] size_t expression_count(std::span<const RouteOptions> routes);

}  // namespace siplb::proxy
