#include "app/node_routes.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin_fixture.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class NodeRoutesTest : public test::AdminFixture {
 protected:
  [[nodiscard]] test::AskedRoutes routes() { return test::AskedRoutes(node_routes(parts())); }
};

TEST_F(NodeRoutesTest, ShowsWhatRuns) {
  const Json status = routes().shown("/v1/status");
  EXPECT_EQ(status.at("version"), SIPLB_VERSION);
  EXPECT_EQ(status.at("pid"), getpid());
  EXPECT_GE(status.at("up_seconds").get<double>(), 5);
  EXPECT_EQ(status.at("config_file"), "/etc/siplb/siplb.yaml");
  EXPECT_EQ(status.at("workers"), 1);
  EXPECT_EQ(status.at("lanes"), 2);
  EXPECT_EQ(status.at("draining"), false);
  EXPECT_EQ(status.at("calls"), 0);
}

TEST_F(NodeRoutesTest, ShowsTheFingerprintOfTheKeyAndItsAge) {
  const Json key = routes().shown("/v1/key");
  EXPECT_EQ(key.at("fingerprint"), std::string(pool_.snapshot().seal.fingerprint()));
  EXPECT_EQ(key.at("file"), key_file());
  EXPECT_LT(key.at("age_seconds").get<double>(), 60);
  EXPECT_EQ(key.size(), 3u);

  std::filesystem::remove(key_file());
  EXPECT_EQ(routes().shown("/v1/key").at("age_seconds"), nullptr);
}

TEST_F(NodeRoutesTest, DrainsTheNodeAndTakesNewWorkAgain) {
  pool_.calls->add_active(0);
  EXPECT_EQ(routes().shown("/v1/drain"), Json({{"draining", false}, {"calls", 1}}));

  const AdminAnswer answer = routes().post("/v1/drain", R"({"drain":true})");
  EXPECT_EQ(answer.body, "{\"draining\":true,\"calls\":1}\n");
  EXPECT_EQ(pool_.snapshot().admission, proxy::Admission::DialogsOnly);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("draining, no new work uid=7"));

  EXPECT_EQ(routes().post("/v1/drain", R"({"drain":false})").status, 200);
  EXPECT_EQ(pool_.snapshot().admission, proxy::Admission::Everything);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("draining is over uid=7"));
}

TEST_F(NodeRoutesTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* body : {"", "{", "[]", "{}", R"({"drain":1})", R"({"drain":true,"wait":true})",
                           R"({"wait":true})"}) {
    EXPECT_EQ(routes().post("/v1/drain", body).status, 400) << body;
  }
  for (const char* body : {"", "[]", R"({"state":"keep"})", R"({"state":"reset","x":1})"}) {
    EXPECT_EQ(routes().post("/v1/reload", body).status, 400) << body;
  }
  EXPECT_EQ(pool_.snapshot().admission, proxy::Admission::Everything);
}

TEST_F(NodeRoutesTest, SaysThatSiplbdIsEnding) {
  pool_.control->stop();
  for (const char* resource : {"/v1/status", "/v1/key", "/v1/drain"}) {
    EXPECT_EQ(routes().get(resource).status, 503) << resource;
  }
  EXPECT_EQ(routes().post("/v1/drain", R"({"drain":true})").status, 503);
}

}  // namespace
}  // namespace siplb::app
