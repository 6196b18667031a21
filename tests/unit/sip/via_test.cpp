#include "sip/via.h"

#include <string>

#include <gtest/gtest.h>

#include "support/prefixes.h"
#include "unit/sip/parsed_via.h"

namespace siplb::sip {
namespace {

const SockAddress kRealSource = *SockAddress::parse("192.0.2.1:5060");
const SockAddress kRealSource6 = *SockAddress::parse("[2001:db8::9]:5070");

TEST(ViaTest, TakesAllPartsApart) {
  const Via via = parsed_via(
      "SIP/2.0/UDP pc.example.com:5070;branch=z9hG4bK1;received=192.0.2.9;rport=99;slb=abc;x");
  EXPECT_EQ(via.transport, "UDP");
  EXPECT_EQ(via.sent_by, "pc.example.com:5070");
  EXPECT_EQ(via.host, "pc.example.com");
  EXPECT_EQ(via.port, 5070);
  EXPECT_EQ(via.branch, "z9hG4bK1");
  EXPECT_EQ(via.received, "192.0.2.9");
  EXPECT_EQ(via.slb, "abc");
  EXPECT_TRUE(via.has_rport);
  EXPECT_EQ(via.rport, 99);
  EXPECT_TRUE(via.has_cookie());
}

TEST(ViaTest, NeedsNoParametersAndNoPort) {
  const Via via = parsed_via("SIP/2.0/TLS host");
  EXPECT_EQ(via.port, 0);
  EXPECT_EQ(via.effective_port(), 5061);
  EXPECT_FALSE(via.has_rport);
  EXPECT_FALSE(via.has_cookie());
  EXPECT_EQ(via.params.data(), nullptr);
}

TEST(ViaTest, TakesIpv6SentByWithPort) {
  const Via via = parsed_via("SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK1");
  EXPECT_EQ(via.host, "[2001:db8::1]");
  EXPECT_EQ(via.port, 5070);
}

TEST(ViaTest, TakesWhiteSpaceAndFoldingWhereTheyAreLegal) {
  const Via via =
      parsed_via("SIP  / 2.0\r\n  /UDP\r\n  192.0.2.2 : 5070 ;\r\n branch = z9hg4bKx ; rport");
  EXPECT_EQ(via.transport, "UDP");
  EXPECT_EQ(via.sent_by, "192.0.2.2 : 5070");
  EXPECT_EQ(via.port, 5070);
  EXPECT_EQ(via.branch, "z9hg4bKx");
  EXPECT_TRUE(via.has_cookie());
  EXPECT_TRUE(via.has_rport);
  EXPECT_EQ(via.rport, 0);
}

TEST(ViaTest, KnowsItsTransportsInAnyCase) {
  EXPECT_EQ(parsed_via("sip/2.0/udp h").known_transport(), Transport::Udp);
  EXPECT_EQ(parsed_via("SIP/2.0/Tcp h").known_transport(), Transport::Tcp);
  EXPECT_FALSE(parsed_via("SIP/2.0/SCTP h").known_transport());
}

TEST(ViaTest, DoesNotLookForParametersInQuotes) {
  const Via via = parsed_via("SIP/2.0/UDP h;x=\";branch=no;received=1\";branch=yes");
  EXPECT_EQ(via.branch, "yes");
  EXPECT_TRUE(via.received.empty());
}

TEST(ViaTest, RefusesWhatIsMalformed) {
  for (const std::string_view value : {"",
                                       "SIP",
                                       "SIP/2.0",
                                       "SIP/2.0/",
                                       "SIP/2.0/UDP",
                                       "SIP/2.0/UDP ",
                                       "SIP/3.0/UDP h",
                                       "HTTP/2.0/UDP h",
                                       "SIP/2.0/UDP h:0",
                                       "SIP/2.0/UDP h:65536",
                                       "SIP/2.0/UDP h:",
                                       "SIP/2.0/UDP h x",
                                       "SIP/2.0/UDP ;branch=x",
                                       "SIP/2.0/UDP [::1",
                                       "SIP/2.0/UDP[::1]",
                                       "SIP/2.0/UDP h;",
                                       "SIP/2.0/UDP h;;branch=x",
                                       "SIP/2.0/UDP h;rport=x",
                                       "SIP/2.0/UDP h;rport=0",
                                       "SIP/2.0/UDP h;rport=65536",
                                       "SIP/2.0/UDP h;x=\"open",
                                       "SIP/2.0/UDP h;x=<,SIP/2.0/UDP g"}) {
    Via via;
    EXPECT_FALSE(parse_via(value, via)) << value;
  }
}

TEST(ViaTest, RefusesASecondParameterOfThoseItReads) {
  for (const std::string_view params :
       {"branch=a;branch=a", "branch=a;BRANCH=b", "received=1.1.1.1;received=1.1.1.1",
        "rport;rport", "rport=1;rport", "slb=a;x;slb=a"}) {
    Via via;
    EXPECT_FALSE(parse_via("SIP/2.0/UDP h;" + std::string(params), via)) << params;
  }
}

TEST(ViaTest, SendsResponsesToReceivedAndRport) {
  EXPECT_EQ(parsed_via("SIP/2.0/UDP h:1;received=192.0.2.9;rport=99").response_address(),
            SockAddress::parse("192.0.2.9:99"));
  EXPECT_EQ(parsed_via("SIP/2.0/UDP h:7;received=2001:db8::9").response_address(),
            SockAddress::parse("[2001:db8::9]:7"));
}

TEST(ViaTest, SendsResponsesToSentByWhereThereIsNoReceived) {
  EXPECT_EQ(parsed_via("SIP/2.0/UDP 192.0.2.7;maddr=192.0.2.8").response_address(),
            SockAddress::parse("192.0.2.7:5060"));
  EXPECT_EQ(parsed_via("SIP/2.0/TLS [2001:db8::7]").response_address(),
            SockAddress::parse("[2001:db8::7]:5061"));
  EXPECT_FALSE(parsed_via("SIP/2.0/UDP example.com").response_address());
  EXPECT_FALSE(parsed_via("SIP/2.0/UDP 192.0.2.7;received=nonsense").response_address());
}

TEST(ViaTest, StaysInsideEveryPrefix) {
  test::for_each_prefix("SIP / 2.0 / UDP [2001:db8::1]:5070;rport=7;branch=z9hG4bK1;x=\"a\\\"b\"",
                        [](std::string_view prefix) {
                          Via via;
                          if (!parse_via(prefix, via)) return;
                          EXPECT_EQ(via.host, "[2001:db8::1]");
                          (void)stamp_via(via, kRealSource);
                        });
}

// The Via as it stands after its stamp was applied.
std::string stamped(std::string_view value, const SockAddress& source) {
  const Via via = parsed_via(value);
  const ViaStamp stamp = stamp_via(via, source);
  std::string text(value);
  EXPECT_EQ(stamp.regions[1].data() != nullptr, via.has_rport && !via.received.empty());
  const auto at = [&](std::string_view region) {
    return static_cast<size_t>(region.data() - value.data());
  };
  // From the back, so that positions in front stay true.
  if (stamp.regions[1].data() != nullptr) {
    EXPECT_GT(stamp.regions[1].data(), stamp.regions[0].data());
    text.erase(at(stamp.regions[1]), stamp.regions[1].size());
  }
  text.replace(at(stamp.regions[0]), stamp.regions[0].size(), stamp.text.view());
  EXPECT_EQ(stamp.needed, text != value || via.has_rport) << value;
  return text;
}

TEST(ViaStampTest, LeavesAViaThatNamesItsSource) {
  EXPECT_EQ(stamped("SIP/2.0/UDP 192.0.2.1:7;branch=x", kRealSource),
            "SIP/2.0/UDP 192.0.2.1:7;branch=x");
  EXPECT_FALSE(stamp_via(parsed_via("SIP/2.0/UDP 192.0.2.1"), kRealSource).needed);
}

TEST(ViaStampTest, AddsReceivedWhereSentByIsAnother) {
  EXPECT_EQ(stamped("SIP/2.0/UDP 10.0.0.1;branch=x", kRealSource),
            "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.1");
  EXPECT_EQ(stamped("SIP/2.0/UDP example.com", kRealSource),
            "SIP/2.0/UDP example.com;received=192.0.2.1");
  EXPECT_EQ(stamped("SIP/2.0/UDP [2001:db8::1];branch=x", kRealSource6),
            "SIP/2.0/UDP [2001:db8::1];branch=x;received=2001:db8::9");
}

TEST(ViaStampTest, FillsRportAndReceivedWhereRportWasAskedFor) {
  EXPECT_EQ(stamped("SIP/2.0/UDP 192.0.2.1;rport;branch=x", kRealSource),
            "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=5060;branch=x");
  const ViaStamp stamp = stamp_via(parsed_via("SIP/2.0/UDP h;rport"), kRealSource6);
  EXPECT_EQ(stamp.received, kRealSource6.with_port(0));
  EXPECT_EQ(stamp.rport, 5070);
}

TEST(ViaStampTest, NeverKeepsWhatTheSenderClaimed) {
  EXPECT_EQ(stamped("SIP/2.0/UDP 192.0.2.1;received=203.0.113.1;branch=x", kRealSource),
            "SIP/2.0/UDP 192.0.2.1;branch=x");
  EXPECT_EQ(stamped("SIP/2.0/UDP 192.0.2.1;received;branch=x", kRealSource),
            "SIP/2.0/UDP 192.0.2.1;branch=x");
  EXPECT_EQ(stamped("SIP/2.0/UDP h ; received = 203.0.113.1 ;branch=x; rport = 9 ;y", kRealSource),
            "SIP/2.0/UDP h ;received=192.0.2.1;rport=5060;branch=x;y");
  EXPECT_EQ(stamped("SIP/2.0/UDP h;rport=9;received=203.0.113.1", kRealSource),
            "SIP/2.0/UDP h;received=192.0.2.1;rport=5060");
}

TEST(ViaStampTest, IsNotConfusedByQuotes) {
  EXPECT_EQ(stamped("SIP/2.0/UDP h;x=\";rport;received=1.1.1.1\"", kRealSource),
            "SIP/2.0/UDP h;x=\";rport;received=1.1.1.1\";received=192.0.2.1");
}

TEST(ViaStampTest, AppliedTwiceChangesNothingMore) {
  const std::string once = stamped("SIP/2.0/UDP 10.0.0.1;rport;branch=x", kRealSource);
  EXPECT_EQ(stamped(once, kRealSource), once);
}

TEST(ViaStampTest, HasRoomForTheLongestStamp) {
  const auto source = *SockAddress::parse("[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
  EXPECT_EQ(stamped("SIP/2.0/UDP h;rport", source),
            "SIP/2.0/UDP h;received=1111:2222:3333:4444:5555:6666:7777:8888;rport=65535");
}

}  // namespace
}  // namespace siplb::sip
