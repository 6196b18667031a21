// What the process before this one has left in the service manager's store: its sockets and its
// call tables.
//
// It is looked at before anything is sized. A call is found on its lane only, and a socket of a
// lane that nobody serves swallows its share of the traffic: so the lanes that were there win over
// the file.
// Thread: one (the supervisor, at start).
#pragma once

#include <optional>
#include <string_view>

#include "app/call_tables.h"
#include "app/memory_budget.h"
#include "app/start_fault.h"
#include "app/systemd.h"
#include "config/configuration.h"
#include "net/inherited_sockets.h"
#include "observe/event_log.h"

namespace siplb::app {

// Of the call tables, in the store.
inline constexpr std::string_view kCallTablesName = "v1-calls";

class Predecessor {
 public:
  // One that has left nothing.
  Predecessor() = default;
  explicit Predecessor(net::InheritedSockets left);
  // Call it at most once.
  [[nodiscard]] static Predecessor from_environment();

  // Whether siplb goes on, or begins.
  [[nodiscard]] bool has_left_anything() const { return has_left_anything_; }

  // As the file and the machine say; with the lanes that were there, if global.memory has room.
  [[nodiscard]] Sizing sizing(const config::Configuration& configuration,
                              size_t usable_cores) const;

  // Those that are not taken are closed with this object.
  [[nodiscard]] net::InheritedSockets& sockets() { return sockets_; }

  // The tables to serve with: those that were left; where the sizes have changed, new ones with
  // what those hold; else empty ones. The log says which and why, `service` keeps them for the next
  // process. Call it at most once.
  [[nodiscard]] StartResult<CallTables> take_call_tables(const config::Configuration& configuration,
                                                         const Sizing& sizing,
                                                         const Systemd& service,
                                                         observe::EventLog& log);

 private:
  bool has_left_anything_ = false;
  net::InheritedSockets sockets_;
  std::optional<CallTables> tables_;
  std::string_view refusal_;  // why there are none though something was left
};

}  // namespace siplb::app
