#include "ctl/route_sheet.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace siplb::ctl {
namespace {

using Json = nlohmann::json;

// What siplbd says of an INVITE that goes to pbx/s2.
Json forwarded() {
  return Json::parse(R"({
    "received": {"message": "INVITE sip:bob@example.com", "listener": "public", "role": "clients",
                 "transport": "udp", "source": "192.0.2.1:5060", "fault": null},
    "sender": "client", "removed_headers": ["P-Asserted-Identity", "Remote-Party-ID"],
    "in_dialog": false, "guide": null, "draining": false,
    "routes": [{"name": "from-pbx", "obstacle": "from_group"},
               {"name": "text", "obstacle": "methods"}, {"name": "default", "obstacle": null}],
    "route": {"name": "default", "action": "group", "rate": 50, "stateless": false},
    "choice": {"group": "pbx", "policy": "maglev",
               "key": {"kind": "call-id", "text": "c1@10.0.0.5", "hash": "00c0ffee00c0ffee"},
               "servers": [{"name": "s1", "priority": 0, "weight": 100, "obstacle": "down"},
                           {"name": "s2", "priority": 0, "weight": 50, "obstacle": null},
                           {"name": "s3", "priority": 1, "weight": 0, "obstacle": "weight"}]},
    "decision": "forwarded", "reason": null,
    "sent": [{"message": "INVITE sip:bob@example.com", "remote": "10.0.2.2:5060",
              "transport": "tcp", "listener": "inside", "server": "pbx/s2",
              "record_route": true, "path": true}]})");
}

std::string sheet(const Json& body) {
  return route_sheet(body.dump());
}

TEST(RouteSheetTest, ExplainsADecisionStepByStep) {
  EXPECT_EQ(sheet(forwarded()),
            R"(Received  INVITE sip:bob@example.com
          by listener public (clients) over udp from 192.0.2.1:5060
Checks    passed
Sender    a client
Removed   P-Asserted-Identity, Remote-Party-ID: only servers may send that.
Routes    from-pbx  no: from_group, or that it has none
          text      no: methods
          default   takes it
          at most 50 a second, which is not looked at here
Group     pbx, policy maglev
Key       call-id "c1@10.0.0.5", hash 00c0ffee00c0ffee
Servers   s1, priority 0, weight 100: no: down
          s2, priority 0, weight 50: takes new work
          s3, priority 1, weight 0: no: its weight is 0
Decision  forwarded
Sent      INVITE sip:bob@example.com
          to pbx/s2 at 10.0.2.2:5060 over tcp by listener inside
          with Record-Route and Path
)");
}

TEST(RouteSheetTest, SaysThatOtherLanesMayChooseOtherwise) {
  Json body = forwarded();
  body["choice"]["policy"] = "round-robin";
  const std::string text = sheet(body);
  EXPECT_NE(text.find("Each lane chooses for itself"), std::string::npos);
  EXPECT_EQ(text.find("Key "), std::string::npos);
}

TEST(RouteSheetTest, SaysWhatIsWrongWithAMessage) {
  Json body = forwarded();
  body["received"]["fault"] = "not_sip";
  body["received"]["message"] = nullptr;
  body["sender"] = body["route"] = body["choice"] = nullptr;
  body["routes"] = body["sent"] = Json::array();
  body["decision"] = "dropped";
  body["reason"] = "not_sip";
  EXPECT_EQ(sheet(body),
            R"(Received  no SIP
          by listener public (clients) over udp from 192.0.2.1:5060
Fault     It can't be read: not_sip.
Decision  dropped: not_sip
)");
}

TEST(RouteSheetTest, SaysWhatElseLeadsARequest) {
  struct Case {
    Json change;
    const char* text;
  };
  const Case cases[] = {
      {{{"guide", "dialog token"}, {"in_dialog", true}}, "where the other end is."},
      {{{"guide", "path token"}}, "how the client is reached."},
      {{{"guide", "route"}}, "Its Route says where it goes"},
      {{{"in_dialog", true}}, "but has no token of ours."},
      {{{"draining", true}}, "The node takes no new work."},
      {{{"sender", "pbx/s1"}}, "Sender    server pbx/s1\n"},
      {{{"decision", "answered"}, {"reason", "503"}}, "Decision  answered with 503\n"},
  };
  for (const Case& each : cases) {
    Json body = forwarded();
    body.update(each.change);
    EXPECT_NE(sheet(body).find(each.text), std::string::npos) << each.text;
  }
}

TEST(RouteSheetTest, KeepsTo80Columns) {
  Json body = forwarded();
  for (int i = 0; i < 30; ++i)
    body["removed_headers"].push_back("P-Some-Header-" + std::to_string(i));
  std::istringstream lines(sheet(body));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(RouteSheetTest, ThrowsAtWhatIsNoAnswer) {
  EXPECT_THROW(static_cast<void>(route_sheet("<html>")), std::exception);
  EXPECT_THROW(static_cast<void>(route_sheet("{}")), std::exception);
}

}  // namespace
}  // namespace siplb::ctl
