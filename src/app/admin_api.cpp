#include "app/admin_api.h"

#include <iterator>

#include "app/node_routes.h"
#include "app/route_test_routes.h"
#include "app/server_routes.h"
#include "app/trace_routes.h"
#include "app/view_routes.h"

namespace siplb::app {
namespace {

std::vector<proxy::Tracer*> tracers_of(const AdminParts& parts) {
  std::vector<proxy::Tracer*> tracers;
  for (const auto& worker : parts.workers) tracers.push_back(&worker->tracer());
  return tracers;
}

}  // namespace

AdminRoutes admin_routes(const AdminParts& parts) {
  AdminRoutes all;
  for (AdminRoutes& some : std::vector<AdminRoutes>{
           server_routes(parts.control),
           node_routes(parts),
           view_routes(parts),
           trace_routes(parts.control, tracers_of(parts)),
           route_test_routes(parts.control),
       }) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace siplb::app
