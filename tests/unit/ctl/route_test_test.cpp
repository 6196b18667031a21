#include "ctl/route_test.h"

#include <fstream>

#include "typed_command.h"

namespace siplb::ctl {
namespace {

class RouteTestTest : public test::TypedCommandTest {
 protected:
  RouteTestTest() {
    daemon_.body = R"({"received": {"message": "BYE sip:h", "listener": "public",
        "role": "both", "transport": "udp", "source": "192.0.2.1:5060", "fault": null},
        "sender": null, "removed_headers": [], "in_dialog": false, "guide": null,
        "draining": false, "routes": [], "route": null, "choice": null,
        "decision": "answered", "reason": "483", "sent": []})";
  }
};

TEST_F(RouteTestTest, AsksAboutARequestThatIsDescribed) {
  EXPECT_EQ(run({"route-test", "--method", "MESSAGE", "--uri", "sip:carol@example.com", "--header",
                 "Call-ID: c1", "--header", "Subject: lunch", "--listener", "public", "--source",
                 "192.0.2.7:5060"}),
            kExitDone)
      << errors_.str();
  EXPECT_EQ(daemon_.asked.find("POST /v1/route-test?listener=public&source=192.0.2.7%3A5060 "
                               "MESSAGE sip:carol@example.com SIP/2.0\r\n"),
            0u)
      << daemon_.asked;
  for (const char* line :
       {"\r\nCall-ID: c1\r\n", "\r\nSubject: lunch\r\n", "UDP 192.0.2.7:5060;"}) {
    EXPECT_NE(daemon_.asked.find(line), std::string::npos) << line;
  }
  EXPECT_NE(out_.str().find("Decision  answered with 483\n"), std::string::npos);
}

TEST_F(RouteTestTest, AsksAboutAMessageOutOfAFile) {
  const std::string path = testing::TempDir() + "siplb-route-test.sip";
  std::ofstream(path) << "BYE sip:h SIP/2.0\nTo: b\n";
  EXPECT_EQ(run({"route-test", "--message", path, "--transport", "tcp"}), kExitDone);
  EXPECT_EQ(daemon_.asked, "POST /v1/route-test?transport=tcp BYE sip:h SIP/2.0\r\nTo: b\r\n\r\n");
  EXPECT_EQ(run({"route-test", "--message", path, "--json"}), kExitDone);
  EXPECT_EQ(out_.str(), daemon_.body);
}

TEST_F(RouteTestTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(run({"route-test", "--message", "/nowhere"}), kExitUsage);
  EXPECT_EQ(errors_.str(), "siplbctl: can't read /nowhere\n");
  EXPECT_EQ(run({"route-test", "--message", "/nowhere", "--uri", "sip:a"}), kExitUsage);
  EXPECT_EQ(errors_.str(), "siplbctl: --uri does not go with --message\n");
}

}  // namespace
}  // namespace siplb::ctl
