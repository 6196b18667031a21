// The admin API: all verbs of the admin sockets. docs/admin-api.md says what each takes and
// answers.
//
// Whoever adds a verb writes a list of routes in a file of its own and adds it in admin_api.cpp.
// Thread: any, see admin_route.h.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/admin_route.h"
#include "app/control.h"
#include "app/memory_budget.h"
#include "base/time.h"
#include "observe/event_log.h"
#include "proxy/worker.h"
#include "transport/connection_census.h"

namespace siplb::app {

// What the verbs speak of. What is borrowed outlives the routes.
struct AdminParts {
  Control& control;
  const observe::EventLog& log;
  std::span<const std::unique_ptr<proxy::Worker>> workers;
  const transport::ConnectionCensus& census;
  MemoryBudget budget;
  std::function<std::string()> scrape;  // the text of /metrics
  std::string config_file;
  std::string key_file;
  size_t lanes = 0;
  Instant started_at{};
};

[[nodiscard]] AdminRoutes admin_routes(const AdminParts& parts);

}  // namespace siplb::app
