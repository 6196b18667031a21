#include "app/admin_api.h"

#include <iterator>

#include "app/node_routes.h"
#include "app/server_routes.h"
#include "app/view_routes.h"

namespace siplb::app {

AdminRoutes admin_routes(const AdminParts& parts) {
  AdminRoutes all;
  for (AdminRoutes& some : std::vector<AdminRoutes>{
           server_routes(parts.control),
           node_routes(parts),
           view_routes(parts),
       }) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace siplb::app
