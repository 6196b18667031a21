// What the admin sockets answer: requests to verbs, and what comes of them to JSON. No HTTP here.
//
//   GET  /v1/servers                all servers
//   GET  /v1/servers/GROUP/NAME     one, or the places of a name, with their last transitions
//   POST /v1/servers/GROUP/NAME     {"state": "ready|drain|maint", "weight": 0-1000, "force": true}
//
// All of them answer {"servers": [...]}, or {"error": "..."} with a status of 400 or above.
// Thread: any, synchronised inside. Bounds: those of the control thread.
#pragma once

#include <string>
#include <string_view>

#include "app/control.h"

namespace siplb::app {

class AdminApi {
 public:
  // Borrowed.
  explicit AdminApi(Control& control) : control_(control) {}

  struct Answer {
    int status = 200;
    std::string body;
  };
  [[nodiscard]] Answer show_servers() const;
  [[nodiscard]] Answer show_server(std::string_view group, std::string_view name) const;

  struct ChangeRequest {
    std::string_view group;
    std::string_view server;
    std::string_view body;
    uint32_t uid = 0;  // whose
  };
  [[nodiscard]] Answer change_server(const ChangeRequest& request) const;

  [[nodiscard]] static Answer error(int status, std::string_view text);

 private:
  Control& control_;
};

}  // namespace siplb::app
