// What a lane would do with a message that came now, and why. Nothing is sent, and nothing real
// changes.
//
// A lane decides, as all do: one of its own, by the configuration, health, calls and loads of this
// moment. It has no tables of calls, and no rate is used up. What it goes by is kept by its
// witness. Thread: any; nothing that is borrowed may change meanwhile. Bounds: a copy of the
// snapshot, with all its tables.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balance/call_counts.h"
#include "balance/hash_key.h"
#include "balance/load_board.h"
#include "proxy/outcome.h"
#include "proxy/outlook.h"
#include "proxy/request.h"
#include "proxy/route_table.h"

namespace siplb::proxy {

// All is borrowed.
struct RouteTestInput {
  const Snapshot& snapshot;
  const balance::PoolStatus& status;
  const balance::LoadBoard& load;
  const balance::CallCounts& calls;
  transport::Flow source;  // as of a message that has arrived
  Tick tick;
  std::string_view octets;
};

struct RouteTestReport {
  // Which of its own headers says where a request goes.
  enum class Guide : uint8_t { None, DialogToken, PathToken, Route };
  struct Key {
    balance::HashKeyKind kind;
    std::string text;  // for people
    uint64_t hash;
  };
  struct TriedRoute {
    size_t route;
    std::optional<RouteKey> obstacle;  // nothing: it takes the request
  };
  struct Member {
    balance::ServerIndex server;
    balance::Obstacle obstacle;
  };
  struct Sent {
    transport::Flow to;
    balance::ServerIndex server = balance::kNoServer;  // who is there
    std::string text;
  };

  sip::ScanStatus scan = sip::ScanStatus::Ok;
  // Of a request that passes the checks of itself.
  std::optional<Sender> sender;
  Guide guide = Guide::None;
  bool is_in_dialog = false;
  std::vector<std::string> removed_headers;  // that its sender may not send
  // Where they were asked for it: in order, up to the one that takes it.
  std::vector<TriedRoute> routes;
  std::optional<size_t> taken_route;
  // Where a server was chosen by a group's policy.
  std::optional<Key> key;  // where one was asked for
  std::optional<balance::GroupIndex> group;
  std::vector<Member> members;  // lower priority first

  Outcome outcome;
  std::vector<Sent> sent;
};

// Nothing where there is no memory for it.
[[nodiscard]] std::optional<RouteTestReport> test_route(const RouteTestInput& input);

}  // namespace siplb::proxy
