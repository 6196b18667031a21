#include "app/admin_route.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/control.h"

namespace siplb::app {
namespace {

TEST(AdminRouteTest, TellsRefusalsApartByTheirStatus) {
  using Kind = Refusal::Kind;
  const std::pair<Kind, int> cases[] = {
      {Kind::NoSuchServer, 404}, {Kind::LastUsable, 409}, {Kind::BadFile, 422},
      {Kind::NeedsRestart, 422}, {Kind::NotKept, 500},    {Kind::NotOpened, 500},
      {Kind::Ending, 503},
  };
  for (const auto& [kind, status] : cases) {
    const AdminAnswer answer = admin_error({.kind = kind, .text = "why"});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, "{\"error\":\"why\"}\n");
  }
}

TEST(AdminRouteTest, SaysErrorsInUtf8WhateverWasAsked) {
  const AdminAnswer answer = admin_error(400, "unknown key '\xff\"'");
  EXPECT_EQ(nlohmann::json::parse(answer.body).at("error"), "unknown key '\xef\xbf\xbd\"'");
}

TEST(AdminRouteTest, HasEmptyParametersWhereNoneAreGiven) {
  const AdminRequest request{.parts = {}, .query = {{"since", "5"}}, .body = {}};
  EXPECT_EQ(request.parameter("since"), "5");
  EXPECT_EQ(request.parameter("last"), "");
}

}  // namespace
}  // namespace siplb::app
