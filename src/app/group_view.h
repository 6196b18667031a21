// One group as operators see it: how many of its servers do what, and what they have to do.
//
// Thread: any, plain values.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/server_view.h"
#include "balance/topology.h"

namespace siplb::app {

struct GroupView {
  std::string name;
  balance::Policy policy = balance::Policy::Maglev;
  size_t servers = 0;  // that have an address: of a name, each of its places
  size_t up = 0;       // as probes say
  size_t down = 0;
  size_t taking_new_work = 0;
  uint64_t calls = 0;           // answered
  uint64_t reserved_calls = 0;  // an INVITE is under way
  uint64_t inflight = 0;
  bool is_panicking = false;  // health is ignored
};

// Those of the topology, in its order, without hollow places. `servers`: all of them.
[[nodiscard]] std::vector<GroupView> group_views(const balance::Topology& topology,
                                                 std::span<const ServerView> servers);

[[nodiscard]] std::string_view name(balance::Policy policy);

}  // namespace siplb::app
