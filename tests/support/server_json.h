// A server as the admin API shows it: what siplbd makes and siplbctl reads.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace siplb::test {

// Of the group pbx, at 10.0.0.11:5060: nobody has asked for its health, and it has nothing to do.
// `changes` replaces members.
inline nlohmann::json server_json(const std::string& name, const nlohmann::json& changes = {}) {
  nlohmann::json out = {{"group", "pbx"},
                        {"name", name},
                        {"address", "10.0.0.11:5060"},
                        {"transport", "udp"},
                        {"priority", 0},
                        {"state", "ready"},
                        {"weight", 100},
                        {"configured_weight", 100},
                        {"set_weight", nullptr},
                        {"health", "unknown"},
                        {"reason", "start"},
                        {"health_seconds", nullptr},
                        {"busy_seconds", 0.0},
                        {"panic", false},
                        {"takes_new_work", true},
                        {"obstacles", nlohmann::json::array()},
                        {"calls", 0},
                        {"reserved_calls", 0},
                        {"max_calls", nullptr},
                        {"inflight", 0},
                        {"max_inflight", nullptr},
                        {"answer_seconds", nullptr}};
  if (!changes.is_null()) out.update(changes);
  return out;
}

}  // namespace siplb::test
