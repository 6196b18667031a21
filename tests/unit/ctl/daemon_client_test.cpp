#include "ctl/daemon_client.h"

#include <gtest/gtest.h>

#include "scripted_daemon.h"

namespace siplb::ctl {
namespace {

TEST(DaemonClientTest, GetsAndPostsByTheSocket) {
  test::ScriptedDaemon daemon;
  daemon.body = "{\"servers\":[]}";
  const DaemonClient client(daemon.socket());
  const auto got = client.get("/v1/servers");
  EXPECT_EQ(daemon.asked, "GET /v1/servers ");
  EXPECT_EQ(std::get<Reply>(got).status, 200);
  EXPECT_EQ(std::get<Reply>(got).body, daemon.body);

  daemon.status = 409;
  const auto posted = client.post("/v1/servers/pbx/s1", "{\"weight\":5}");
  EXPECT_EQ(daemon.asked, "POST /v1/servers/pbx/s1 {\"weight\":5}");
  EXPECT_EQ(std::get<Reply>(posted).status, 409);
}

TEST(DaemonClientTest, SaysWhyNobodyAnswers) {
  const auto missing = DaemonClient("/nowhere/admin.sock").get("/v1/servers");
  EXPECT_EQ(std::get<NoReply>(missing).reason, "No such file or directory");

  const auto too_long = DaemonClient('/' + std::string(200, 'x')).get("/v1/servers");
  EXPECT_NE(std::get<NoReply>(too_long).reason, "");
}

}  // namespace
}  // namespace siplb::ctl
