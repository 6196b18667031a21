#include "load/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fake_network.h"

namespace siplb::load::test {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

class CallReportTest : public ::testing::Test {
 protected:
  // 100 calls in 4 seconds: 98 succeeded, after 1, 2, … 98 ms.
  CallReportTest() {
    stats.started = 100;
    stats.succeeded = 98;
    stats.count_failure(503);
    stats.timeouts = 1;
    for (int i = 1; i <= 98; ++i) stats.setup.record(Duration(i * 1ms));
  }
  void count(std::string_view server, size_t calls) {
    const uint8_t place = stats.servers.place_of(server);
    for (size_t i = 0; i < calls; ++i) stats.servers.count(place);
  }

  CallStats stats;
  const CallRun run{
      stats,
      7,
      4s,
      {.sent = 21, .received = 22, .kernel_drops = 3},
      {.opened = 31, .accepted = 32, .refused = 33, .lost = 34, .garbled = 35, .reset = 36}};
};

TEST_F(CallReportTest, KeepsTheNamesOfItsJson) {
  const Json out = Json::parse(call_json(run));
  EXPECT_THAT(
      keys(out),
      ElementsAre("ok", "seed", "elapsed_s", "rate", "started", "succeeded", "failed", "in_flight",
                  "not_started", "failures", "cancelled", "cancelled_too_late", "refused_cancels",
                  "duplicate_2xx", "late_2xx", "unreleased", "stickiness_violations",
                  "retransmissions", "repeated_answers", "strays", "refused_sends", "lost_sent",
                  "lost_received", "kernel_drops", "connections", "setup_ms", "servers"));
  EXPECT_THAT(keys(out["setup_ms"]), ElementsAre("p50", "p90", "p99", "max"));
}

TEST_F(CallReportTest, PutsEachCountUnderItsName) {
  stats.not_started = 11;
  stats.oversized = 1;
  stats.disconnected = 1;
  stats.misroutes = 12;
  stats.retransmissions = 13;
  stats.repeated_answers = 14;
  stats.strays = 15;
  stats.refused_sends = 16;
  stats.cancelled = 17;
  stats.cancelled_too_late = 18;
  stats.refused_cancels = 19;
  stats.duplicate_2xx = 20;
  stats.late_2xx = 23;
  stats.unreleased = 24;
  stats.started = 103;
  const Json out = Json::parse(call_json(run));
  const Json expected = {
      {"ok", false},
      {"seed", 7},
      {"elapsed_s", 4.0},
      {"rate", 24.5},
      {"started", 103},
      {"succeeded", 98},
      {"failed", 4},
      {"in_flight", 1},
      {"not_started", 11},
      {"failures", {{"503", 1}, {"timeout", 1}, {"disconnected", 1}, {"oversized", 1}}},
      {"cancelled", 17},
      {"cancelled_too_late", 18},
      {"refused_cancels", 19},
      {"duplicate_2xx", 20},
      {"late_2xx", 23},
      {"unreleased", 24},
      {"stickiness_violations", 12},
      {"retransmissions", 13},
      {"repeated_answers", 14},
      {"strays", 15},
      {"refused_sends", 16},
      {"lost_sent", 21},
      {"lost_received", 22},
      {"kernel_drops", 3},
      {"connections",
       {{"opened", 31},
        {"accepted", 32},
        {"refused", 33},
        {"lost", 34},
        {"garbled", 35},
        {"reset", 36}}},
      {"setup_ms", out["setup_ms"]},
      {"servers", Json::object()}};
  EXPECT_EQ(out, expected);
}

TEST_F(CallReportTest, GivesPercentilesInMilliseconds) {
  const Json setup = Json::parse(call_json(run))["setup_ms"];
  EXPECT_NEAR(setup["p50"], 49, 1);
  EXPECT_NEAR(setup["p90"], 88, 2);
  EXPECT_NEAR(setup["p99"], 97, 2);
  EXPECT_NEAR(setup["max"], 98, 2);
}

TEST_F(CallReportTest, IsWellWithoutAFault) {
  CallStats well;
  well.started = well.succeeded = 1;
  const CallRun short_run{well};
  const Json out = Json::parse(call_json(short_run));
  EXPECT_EQ(out["ok"], true);
  EXPECT_EQ(out["rate"], 0) << "of no time";
  EXPECT_EQ(out["failures"], Json::object());
}

TEST_F(CallReportTest, SortsServersAsPeopleCountAndAllOthersLast) {
  count("", 1);
  count("s10", 1);
  count("s2", 2);
  count("s1", 4);
  static_cast<void>(stats.servers.place_of("s3"));  // Answered nothing that counts.
  EXPECT_THAT(keys(Json::parse(call_json(run))["servers"]),
              ElementsAre("s1", "s2", "s10", "other"));
  const std::string shares = "s1 50.0 %  s2 25.0 %  s10 12.5 %  other 12.5 %";
  EXPECT_THAT(call_summary(run), HasSubstr("servers    " + shares + "\n"));
  EXPECT_THAT(CallTable().row(run), EndsWith("  " + shares));
}

TEST_F(CallReportTest, SumsUpForPeople) {
  stats.not_started = 5;
  const std::string summary = call_summary(run);
  EXPECT_THAT(summary, HasSubstr("100 started, 98 succeeded, 2 failed, 0 in flight, "
                                 "5 not started\n"));
  EXPECT_THAT(summary, HasSubstr("4.0 s, 24 calls/s\n"));
  EXPECT_THAT(summary, HasSubstr("3 kernel drops\n"));
  EXPECT_THAT(summary, HasSubstr("failed     503: 1\n"));
  EXPECT_THAT(summary, HasSubstr("failed     timeout: 1\n"));
  EXPECT_THAT(summary, Not(HasSubstr("servers")));
}

TEST_F(CallReportTest, SpeaksOfCancelsReleasesAndLossesOnlyWhereThereAreAny) {
  const CallRun plain{stats};
  for (const char* title : {"cancelled", "released", "\nlost ", "connected"}) {
    EXPECT_THAT(call_summary(plain), Not(HasSubstr(title)));
  }
  stats.cancelled = 4;
  stats.refused_cancels = 5;
  stats.duplicate_2xx = 6;
  stats.late_2xx = 7;
  const std::string summary = call_summary(run);
  EXPECT_THAT(summary, HasSubstr("cancelled  4 ended in 487, 5 CANCELs refused\n"));
  EXPECT_THAT(summary,
              HasSubstr("released   6 beside the call's own, 7 of calls that were over\n"));
  EXPECT_THAT(summary, HasSubstr("lost       21 sent, 22 received\n"));
  EXPECT_THAT(summary, HasSubstr("connected  31 opened, 32 accepted, 33 refused, 34 lost, "
                                 "35 garbled, 36 reset by us\n"));
}

TEST_F(CallReportTest, ShowsInEachRowTheRateSinceTheRowBefore) {
  const auto words = [](const std::string& row) {
    std::istringstream in(row);
    return std::vector<std::string>(std::istream_iterator<std::string>(in), {});
  };
  stats.setup_recent.record(Duration(2ms));
  CallTable table;
  EXPECT_THAT(words(table.row({stats, 7, 2s})),
              ElementsAre("2s", "100", "49", "0", "2", ::testing::StartsWith("2.0"),
                          ::testing::StartsWith("2.0")));
  stats.started = 110;
  stats.succeeded = 108;
  stats.setup_recent.clear();
  EXPECT_THAT(words(table.row({stats, 7, 3s})),
              ElementsAre("3s", "110", "10", "0", "2", "0.00", "0.00"));
}

TEST_F(CallReportTest, AlignsRowsWithTheHeading) {
  const std::string heading = CallTable::heading();
  count("s1", 1);
  EXPECT_EQ(CallTable().row(run).find("s1 "), heading.find("servers"));
}

TEST(ServeReportTest, NamesServersAndTheirAddresses) {
  LoadRig rig;
  rig.set_servers(2);
  rig.start();
  EXPECT_EQ(Json::parse(servers_json(*rig.answerer)),
            Json::parse(R"({"servers": [{"id": "s1", "address": "198.51.100.1:5061"},
                                        {"id": "s2", "address": "198.51.100.1:5062"}]})"));
  EXPECT_EQ(servers_text(*rig.answerer), "s1 198.51.100.1:5061\ns2 198.51.100.1:5062\n");
}

TEST(ServeReportTest, CountsPerServer) {
  LoadRig rig;
  rig.set_servers(2);
  rig.caller_options.pace = {.window = 1, .calls_max = 3};
  rig.run();
  const Json out = Json::parse(serve_json({*rig.answerer, 9, {1, 2, 5}}));
  EXPECT_THAT(keys(out),
              ElementsAre("servers", "distinct_invites", "calls_seen_twice", "delivered_twice",
                          "seed", "lost_sent", "lost_received", "kernel_drops", "connections"));
  EXPECT_EQ(out["distinct_invites"], 3);
  EXPECT_EQ(out["calls_seen_twice"], 0);
  EXPECT_EQ(out["delivered_twice"], Json::object());
  EXPECT_EQ(out["seed"], 9);
  EXPECT_EQ(out["lost_sent"], 1);
  EXPECT_EQ(out["lost_received"], 2);
  EXPECT_EQ(out["kernel_drops"], 5);
  ASSERT_EQ(out["servers"].size(), 2U);
  EXPECT_THAT(
      keys(out["servers"][0]),
      ElementsAre("id", "address", "calls", "requests", "acks", "stickiness_violations",
                  "unknown_dialogs", "dropped", "rejected", "cancelled", "merged", "repeated",
                  "retransmissions", "unacknowledged", "strays", "refused_sends", "methods"));
  EXPECT_EQ(out["servers"][0]["calls"], 3);
  EXPECT_EQ(out["servers"][0]["requests"], 3);
  EXPECT_EQ(out["servers"][0]["acks"], 3);
  EXPECT_EQ(out["servers"][0]["methods"], Json({{"INVITE", 3}, {"ACK", 3}, {"BYE", 3}}));
  EXPECT_EQ(out["servers"][1]["calls"], 0);
  EXPECT_EQ(out["servers"][1]["methods"], Json::object());
  EXPECT_EQ(serve_summary({*rig.answerer}), "s1  calls 3  requests 3  acks 3\ns2\n");
  EXPECT_THAT(serve_summary({*rig.answerer, 9, {1, 2, 5}}),
              EndsWith("lost 1 sent, 2 received\ndropped 5 in the kernel\n"));
  EXPECT_THAT(serve_summary({*rig.answerer, 9, {}, {.accepted = 4}}),
              EndsWith("\nconnections 4 accepted\n"));
}

TEST(ServeReportTest, NamesWhatWasDeliveredTwice) {
  LoadRig rig;
  rig.set_servers(2);
  rig.rule = [&rig](Letter& letter) {  // A proxy that sends everything to both.
    if (letter.octets.find("z9hG4bKfork") != std::string::npos) return Fate::Deliver;
    if (letter.kind() != "INVITE" && letter.kind() != "BYE") return Fate::Deliver;
    Letter copy = letter;
    copy.to = LoadRig::server_address(1);
    copy.octets.insert(copy.octets.find("Via:"), "Via: SIP/2.0/UDP p;branch=z9hG4bKfork\r\n");
    rig.inject(copy);
    return Fate::Deliver;
  };
  rig.run_until(rig.now + 1s);
  const Json out = Json::parse(serve_json({*rig.answerer}));
  EXPECT_EQ(out["distinct_invites"], 2);
  EXPECT_EQ(out["calls_seen_twice"], 1);
  EXPECT_EQ(out["delivered_twice"], Json({{"BYE", 1}}));
  EXPECT_THAT(serve_summary({*rig.answerer}),
              EndsWith("calls seen twice 1\nBYE delivered twice 1\n"));
}

}  // namespace
}  // namespace siplb::load::test
