#include "ctl/trace_ladder.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace siplb::ctl {
namespace {

using Json = nlohmann::json;

struct Line {
  const char* way;
  const char* remote;
  const char* server;  // null: a client
  const char* message;
  const char* cseq = "1 INVITE";
  const char* call_id = "a84b4c76@10.0.0.5";
  const char* decision = "sent";
  const char* reason = nullptr;
};

class TraceLadderTest : public testing::Test {
 protected:
  // Each comes 10 ms after the one before.
  void add(const Line& line) {
    const auto or_null = [](const char* text) { return text == nullptr ? Json() : Json(text); };
    const Json json = {{"time", "2026-11-21T16:00:00.250Z"},
                       {"seconds", seconds_ += 0.01},
                       {"way", line.way},
                       {"lane", 0},
                       {"listener", "public"},
                       {"transport", "udp"},
                       {"remote", line.remote},
                       {"server", or_null(line.server)},
                       {"call_id", line.call_id},
                       {"message", or_null(line.message)},
                       {"cseq", line.cseq},
                       {"decision", line.decision},
                       {"reason", or_null(line.reason)}};
    drawn_ += ladder_.add(json.dump());
  }
  void add_in(const char* remote, const char* server, const char* message,
              const char* cseq = "1 INVITE") {
    add({"in", remote, server, message, cseq, "a84b4c76@10.0.0.5", "forwarded"});
  }
  void add_out(const char* remote, const char* server, const char* message,
               const char* cseq = "1 INVITE") {
    add({"out", remote, server, message, cseq});
  }

  TraceLadder ladder_;
  std::string drawn_;
  double seconds_ = 2;
};

constexpr const char* kClient = "192.0.2.1:5060";
constexpr const char* kOne = "10.0.2.1:5060";
constexpr const char* kTwo = "10.0.2.2:5060";

TEST_F(TraceLadderTest, DrawsACall) {
  add_in(kClient, nullptr, "INVITE sip:bob@example.com");
  add_out(kOne, "pbx/s1", "INVITE sip:bob@example.com");
  add_in(kOne, "pbx/s1", "180 Ringing");
  add_out(kClient, nullptr, "180 Ringing");
  add_in(kOne, "pbx/s1", "BYE sip:alice@192.0.2.1:5060", "1 BYE");
  EXPECT_EQ(drawn_, R"(
Call 1 at 16:00:00.250: a84b4c76@10.0.0.5
          192.0.2.1:5060                  siplb
   0.000  |--INVITE sip:bob@example.com---->|                                 |
                                                                         pbx/s1
   0.010  |                                 |--INVITE sip:bob@example.com---->|
   0.020  |                                 |<----------180 Ringing (INVITE)--|
   0.030  |<----------180 Ringing (INVITE)--|                                 |
   0.040  |                                 |<--BYE sip:alice@192.0.2.1:5060--|
)");
}

TEST_F(TraceLadderTest, DrawsFailover) {
  add_in(kClient, nullptr, "INVITE sip:bob@example.com");
  add_out(kOne, "pbx/s1", "INVITE sip:bob@example.com");
  add_out(kTwo, "pbx/s2", "INVITE sip:bob@example.com");
  EXPECT_EQ(drawn_, R"(
Call 1 at 16:00:00.250: a84b4c76@10.0.0.5
          192.0.2.1:5060                  siplb
   0.000  |--INVITE sip:bob@example.com---->|                                 |
                                                                         pbx/s1
   0.010  |                                 |--INVITE sip:bob@example.com---->|
                                                                         pbx/s2
   0.020  |                                 |--INVITE sip:bob@example.com---->|
)");
}

TEST_F(TraceLadderTest, DrawsWhatAServerBegins) {
  add_in(kOne, "pbx/s1", "INVITE sip:alice@192.0.2.1:5060;ob");
  add_out(kClient, nullptr, "INVITE sip:alice@192.0.2.1:5060;ob");
  EXPECT_EQ(drawn_, R"(
Call 1 at 16:00:00.250: a84b4c76@10.0.0.5
          pbx/s1                          siplb
   0.000  |--INVITE sip:alice@192.0.2.1:..->|                                 |
                                                                 192.0.2.1:5060
   0.010  |                                 |--INVITE sip:alice@192.0.2.1:..->|
)");
}

TEST_F(TraceLadderTest, SaysWhatDidNotGoOn) {
  add({"in", kClient, nullptr, "INVITE sip:bob@example.com", "1 INVITE", "c1", "absorbed",
       "repeat"});
  add({"in", kOne, "pbx/s1", "200 OK", "1 INVITE", "c1", "dropped", "response_stray"});
  add({"out", kOne, "pbx/s1", "BYE sip:bob@10.0.2.1", "2 BYE", "c1", "not sent", "queue_full"});
  EXPECT_EQ(drawn_, R"(
Call 1 at 16:00:00.250: c1
          192.0.2.1:5060                  siplb
   0.000  |--INVITE sip:bob@example.com---->| absorbed: repeat                |
                                                                         pbx/s1
   0.010  |         dropped: response_stray |<---------------200 OK (INVITE)--|
   0.020  |            not sent: queue_full |--BYE sip:bob@10.0.2.1---------->|
)");
}

TEST_F(TraceLadderTest, TurnsFromCallToCall) {
  add_in(kClient, nullptr, "INVITE sip:bob@example.com");
  add({"in", kClient, nullptr, "REGISTER sip:example.com", "9 REGISTER", "r1", "forwarded"});
  add_in(kClient, nullptr, "CANCEL sip:bob@example.com", "1 CANCEL");
  EXPECT_EQ(drawn_, R"(
Call 1 at 16:00:00.250: a84b4c76@10.0.0.5
          192.0.2.1:5060                  siplb
   0.000  |--INVITE sip:bob@example.com---->|                                 |

Call 2 at 16:00:00.250: r1
          192.0.2.1:5060                  siplb
   0.000  |--REGISTER sip:example.com------>|                                 |

Call 1: a84b4c76@10.0.0.5
          192.0.2.1:5060                  siplb
   0.020  |--CANCEL sip:bob@example.com---->|                                 |
)");
}

TEST_F(TraceLadderTest, KeepsTo80ColumnsAndToWhatTerminalsPrint) {
  const std::string name = "group-of-thirty-two-characters-xx/server-of-thirty-two-characters/1";
  const std::string uri = "INVITE sip:" + std::string(100, 'u') + "@example.com";
  const std::string call_id = std::string(90, 'c') + "\x1b[2J\xc3\xa9";
  add({"in", "[2001:db8:1111:2222:3333:4444:5555:6666]:50601", nullptr, uri.c_str(), "1 INVITE",
       call_id.c_str()});
  add({"out", kOne, name.c_str(), uri.c_str(), "1 INVITE", call_id.c_str(), "not sent",
       "a_reason_that_is_far_too_long_for_its_place"});
  std::istringstream lines(drawn_);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }))
        << line;
  }
}

TEST_F(TraceLadderTest, ShowsWhatIsNoSip) {
  add({"in", kOne, "pbx/s1", nullptr, "", "", "absorbed", "keep_alive"});
  EXPECT_NE(drawn_.find("(no SIP)"), std::string::npos);
}

TEST_F(TraceLadderTest, SaysHowTheTraceGoes) {
  EXPECT_EQ(ladder_.add(R"({"trace":{"seconds":60,"count":10000}})"),
            "Following calls for 60 s.\n");
  EXPECT_EQ(ladder_.add(R"({"lost":12})"), "12 messages are not shown: too many.\n");
  for (const char* reason : {"time", "count", "stop"}) {
    const Json ended = {{"ended", reason}};
    EXPECT_EQ(ladder_.add(ended.dump()).substr(0, 21), "The trace has ended: ") << reason;
  }
}

TEST_F(TraceLadderTest, ThrowsAtWhatIsNoTrace) {
  EXPECT_THROW(static_cast<void>(ladder_.add("<html>")), std::exception);
  EXPECT_THROW(static_cast<void>(ladder_.add("{}")), std::exception);
  EXPECT_THROW(static_cast<void>(ladder_.add(R"({"ended":5})")), std::exception);
}

}  // namespace
}  // namespace siplb::ctl
