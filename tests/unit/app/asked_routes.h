// Asks a list of routes as the admin sockets would, without a socket.
#pragma once

#include <regex>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/admin_route.h"

namespace siplb::test {

class AskedRoutes {
 public:
  explicit AskedRoutes(app::AdminRoutes routes) : routes_(std::move(routes)) {}

  // `resource`: "/v1/events?since=5", with one parameter at most.
  [[nodiscard]] app::AdminAnswer get(const std::string& resource) const {
    return ask(app::AdminRoute::Method::Get, resource, "");
  }
  // By uid 7.
  [[nodiscard]] app::AdminAnswer post(const std::string& resource, std::string_view body) const {
    return ask(app::AdminRoute::Method::Post, resource, body);
  }
  // What it answers with status 200.
  [[nodiscard]] nlohmann::json shown(const std::string& resource) const {
    const app::AdminAnswer answer = get(resource);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return nlohmann::json::parse(answer.body);
  }
  [[nodiscard]] const app::AdminRoutes& all() const { return routes_; }

 private:
  [[nodiscard]] app::AdminAnswer ask(app::AdminRoute::Method method, const std::string& resource,
                                     std::string_view body) const {
    const size_t mark = resource.find('?');
    const std::string path = resource.substr(0, mark);
    app::AdminRequest request{.parts = {}, .query = {}, .body = body, .uid = 7};
    if (mark != std::string::npos) {
      const size_t equals = resource.find('=', mark);
      request.query.emplace(resource.substr(mark + 1, equals - mark - 1),
                            resource.substr(equals + 1));
    }
    for (const app::AdminRoute& route : routes_) {
      std::smatch matches;
      if (route.method != method || !std::regex_match(path, matches, std::regex(route.path))) {
        continue;
      }
      for (size_t i = 1; i < matches.size(); ++i) request.parts.push_back(matches[i].str());
      return route.answer(request);
    }
    ADD_FAILURE() << "no route for " << resource;
    return {};
  }

  app::AdminRoutes routes_;
};

}  // namespace siplb::test
