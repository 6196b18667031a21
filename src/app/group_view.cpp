#include "app/group_view.h"

namespace siplb::app {
namespace {

void add(const ServerView& server, GroupView& group) {
  group.is_panicking = group.is_panicking || server.is_panicking;
  group.calls += server.calls;
  group.reserved_calls += server.reserved_calls;
  group.inflight += server.inflight;
  if (server.address.empty()) return;
  ++group.servers;
  if (server.health == balance::HealthState::Up) ++group.up;
  if (server.health == balance::HealthState::Down) ++group.down;
  if (takes_new_work(server)) ++group.taking_new_work;
}

}  // namespace

std::vector<GroupView> group_views(const balance::Topology& topology,
                                   std::span<const ServerView> servers) {
  std::vector<GroupView> views;
  for (const balance::Group& group : topology.groups()) {
    if (group.options.name.empty()) continue;
    GroupView& view = views.emplace_back();
    view.name = group.options.name;
    view.policy = group.options.policy;
    for (const ServerView& server : servers) {
      if (server.group == view.name) add(server, view);
    }
  }
  return views;
}

std::string_view name(balance::Policy policy) {
  using balance::Policy;
  switch (policy) {
    case Policy::Maglev: return "maglev";
    case Policy::RoundRobin: return "round-robin";
    case Policy::Random: return "random";
    case Policy::LeastLoad: return "least-load";
    case Policy::LeastCalls: return "least-calls";
  }
  return "maglev";
}

}  // namespace siplb::app
