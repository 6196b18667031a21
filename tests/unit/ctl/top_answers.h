// Two looks at siplbd, two seconds apart.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "admin_answers.h"
#include "ctl/top_frame.h"
#include "support/server_json.h"

namespace siplb::test {

inline std::string traffic_at(double up_seconds, uint64_t messages) {
  const nlohmann::json traffic = {{"up_seconds", up_seconds},
                                  {"messages",
                                   {{"received", messages},
                                    {"forwarded", messages / 2},
                                    {"answered", 0},
                                    {"unavailable", 0},
                                    {"dropped", messages / 100}}},
                                  {"ticks",
                                   {{{"at_most_seconds", 0.0001}, {"count", messages / 2}},
                                    {{"at_most_seconds", 0.001}, {"count", messages}},
                                    {{"at_most_seconds", nullptr}, {"count", messages}}}},
                                  {"servers",
                                   {{{"group", "pbx"},
                                     {"name", "s1"},
                                     {"requests", messages / 4},
                                     {"responses", {0, 0, 0, messages / 200, 0, 0}}}}}};
  return traffic.dump();
}

inline ctl::Looks two_looks() {
  const nlohmann::json servers = {
      {"servers",
       {server_json("s1", {{"calls", 12}, {"health", "up"}, {"health_seconds", 61.0}}),
        server_json("s2", {{"health", "down"}}), server_json("s3/8", {{"address", nullptr}})}}};
  const std::string text = servers.dump();
  return {.before = {kStatus, text, traffic_at(10, 1000)},
          .now = {kStatus, text, traffic_at(12, 3000)}};
}

}  // namespace siplb::test
