// The `;slb=` parameter: sealed, echoed, altered, replayed (sip/seal.h, seal_via.cpp).

#include <cctype>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sip/seal.h"
#include "unit/sip/parsed_via.h"
#include "unit/sip/seal_key.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kOurBranch = "z9hG4bKslbabcdefghijklmnopa";
constexpr std::string_view kOurSentBy = "lb.example.com";
constexpr std::string_view kNextVia =
    "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;received=198.51.100.7;rport=40001";

constexpr ViaSeal kFields{.lane = 7,
                          .instance = 0xdeadbeef,
                          .mode = SealMode::Stateless,
                          .loop_hash = 0x01020304,
                          .listener = 0xfffe,
                          .minute = 0x3edc};

class SealViaTest : public testing::Test {
 protected:
  std::string slb() {
    return std::string(
        seal_.seal_via(kFields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))));
  }
  // What a server echoes: our Via with this `slb`, above the Via of the request.
  SealFault open(std::string_view slb, std::string_view next = kNextVia) {
    return open_own(
        "SIP/2.0/UDP lb.example.com;branch=" + std::string(kOurBranch) + ";slb=" + std::string(slb),
        next);
  }
  SealFault open_own(std::string_view own, std::string_view next = kNextVia) {
    return seal_.open_via(parsed_via(own), canonical(parsed_via(next)), out_);
  }

  Seal seal_{kKey, 1, 60};
  ViaSeal out_;
};

TEST_F(SealViaTest, FormStaysWhatItIs) {
  EXPECT_EQ(slb(), "QQQQQQQ0732w35373oeaqeaye777hruga7y2ymapz");
}

TEST_F(SealViaTest, FitsItsOctetBudget) {
  EXPECT_EQ(slb().size(), 41u);
  ViaSeal fields = kFields;
  fields.connection = UINT64_MAX;
  fields.local = SockAddress::parse_ip("2001:db8::1", 0).value();
  EXPECT_EQ(
      seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))).view().size(),
      kSlbLengthMax);
}

TEST_F(SealViaTest, CarriesTheLocalAddressOfAWildcard) {
  for (const auto& [address, length] :
       {std::pair{"192.0.2.1", 48u}, std::pair{"2001:db8::1", 67u}}) {
    ViaSeal fields = kFields;
    fields.local = SockAddress::parse_ip(address, 0).value();
    const std::string text(
        seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))));
    EXPECT_EQ(text.size(), length);
    ASSERT_EQ(open(text), SealFault::None) << address;
    EXPECT_EQ(out_.local, fields.local);
    EXPECT_EQ(open(text.substr(0, text.size() - 1)), SealFault::Malformed);
    std::string altered = text;
    altered[30] = altered[30] == 'a' ? 'b' : 'a';
    EXPECT_EQ(open(altered), SealFault::BadMac);
  }
}

TEST_F(SealViaTest, CarriesTheConnectionOfARequestThatCameOnAStream) {
  for (const auto& [address, length] :
       {std::pair{"", 54u}, std::pair{"192.0.2.1", 61u}, std::pair{"2001:db8::1", 80u}}) {
    for (const uint64_t connection : {uint64_t{1}, uint64_t{0x0102030405060708}, UINT64_MAX}) {
      ViaSeal fields = kFields;
      fields.local = SockAddress::parse_ip(address, 0).value_or(SockAddress{});
      fields.connection = connection;
      const std::string text(
          seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))));
      EXPECT_EQ(text.size(), length);
      ASSERT_EQ(open(text), SealFault::None) << address;
      EXPECT_EQ(out_.connection, connection);
      EXPECT_EQ(out_.local, fields.local);
      EXPECT_EQ(out_.listener, fields.listener);
    }
  }
  ASSERT_EQ(open(slb()), SealFault::None);
  EXPECT_EQ(out_.connection, 0u);
}

TEST_F(SealViaTest, AConnectionCannotBeAlteredAddedOrTakenAway) {
  ViaSeal fields = kFields;
  fields.connection = 0x0102030405060708;
  const std::string text(
      seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))));
  for (size_t at = 9; at < text.size(); ++at) {
    std::string altered = text;
    altered[at] = text[at] == 'e' ? 'a' : 'e';
    EXPECT_NE(open(altered), SealFault::None) << altered;
  }
  // What is as long as another form is taken for that, and its MAC is none.
  const std::string longest = text + std::string(kSlbLengthMax, 'a');
  for (size_t length = 9; length <= longest.size(); ++length) {
    const SealFault fault = open(longest.substr(0, length));
    EXPECT_EQ(fault == SealFault::None, length == text.size()) << length;
  }
}

TEST_F(SealViaTest, StartsWithTheMarkerAndTheLane) {
  EXPECT_EQ(slb().substr(0, 9), "QQQQQQQ07");
  ViaSeal fields = kFields;
  fields.lane = 63;
  const SlbText text =
      seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia)));
  EXPECT_EQ(text.view().substr(0, 9), "QQQQQQQ63");
  // The marker can be found in one place only.
  EXPECT_EQ(text.view().find('Q', 7), std::string_view::npos);
}

TEST_F(SealViaTest, OpensWhatItSealed) {
  for (const SealMode mode : {SealMode::Stateful, SealMode::Stateless, SealMode::ScatteredCancel}) {
    ViaSeal fields = kFields;
    fields.mode = mode;
    ASSERT_EQ(open(seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia)))),
              SealFault::None);
    EXPECT_EQ(out_.lane, 7);
    EXPECT_EQ(out_.instance, 0xdeadbeef);
    EXPECT_EQ(out_.mode, mode);
    EXPECT_EQ(out_.loop_hash, 0x01020304u);
    EXPECT_EQ(out_.listener, 0xfffe);
    EXPECT_EQ(out_.minute, 0x3edc);
    EXPECT_EQ(out_.transport, Transport::Udp);
  }
}

TEST_F(SealViaTest, AnotherProcessWithTheKeyOpensIt) {
  const std::string own =
      "SIP/2.0/UDP lb.example.com;branch=" + std::string(kOurBranch) + ";slb=" + slb();
  const NextVia next = canonical(parsed_via(kNextVia));
  EXPECT_EQ(Seal(kKey, 99, 1).open_via(parsed_via(own), next, out_), SealFault::None);
  EXPECT_EQ(Seal(HashKey{}, 1, 60).open_via(parsed_via(own), next, out_), SealFault::BadMac);
}

TEST_F(SealViaTest, AcceptsAnEchoInAnotherCase) {
  std::string upper = slb();
  std::string lower = slb();
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(open(upper), SealFault::None);
  EXPECT_EQ(open(lower), SealFault::None);
}

TEST_F(SealViaTest, AcceptsAViaPrintedAnew) {
  const std::string text = slb();
  EXPECT_EQ(open_own("SIP/2.0/udp LB.Example.com:5060;rport=5060;slb=" + text +
                     ";received=192.0.2.1;branch=" + std::string(kOurBranch)),
            SealFault::None);
  EXPECT_EQ(open(text,
                 "SIP / 2.0 / UDP PHONE.example.net:5062 ;rport=40001; received=198.51.100.7;x=1"
                 ";branch=z9hG4bK776"),
            SealFault::None);
}

TEST_F(SealViaTest, AcceptsAnIpv6AddressInAnotherSpelling) {
  constexpr std::string_view kShort =
      "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK776;received=2001:db8::2";
  constexpr std::string_view kLong =
      "SIP/2.0/UDP [2001:DB8:0:0:0:0:0:1]:5060;branch=z9hG4bK776;received=2001:DB8::0:2";
  const SlbText text =
      seal_.seal_via(kFields, kOurBranch, kOurSentBy, canonical(parsed_via(kShort)));
  EXPECT_EQ(open(text, kLong), SealFault::None);
}

TEST_F(SealViaTest, RefusesAnAlteredOctetAnywhere) {
  const std::string text = slb();
  for (size_t at = 0; at < text.size(); ++at) {
    if (at == 7 || at == 8) continue;  // the lane is a hint
    std::string altered = text;
    altered[at] = text[at] == 'e' ? 'a' : 'e';
    EXPECT_NE(open(altered), SealFault::None) << altered;
  }
}

TEST_F(SealViaTest, TheLaneIsAHintThatAnyoneMayChange) {
  std::string text = slb();
  text.replace(7, 2, "42");
  EXPECT_EQ(open(text), SealFault::None);
  EXPECT_EQ(out_.lane, 42);
}

TEST_F(SealViaTest, RefusesAReplayWithAnotherNextVia) {
  const std::string text = slb();
  EXPECT_EQ(open(text), SealFault::None);
  for (const std::string_view other : {
           "SIP/2.0/TCP phone.example.net:5062;branch=z9hG4bK776;received=198.51.100.7;rport=40001",
           "SIP/2.0/UDP phone.example.org:5062;branch=z9hG4bK776;received=198.51.100.7;rport=40001",
           "SIP/2.0/UDP phone.example.net:5063;branch=z9hG4bK776;received=198.51.100.7;rport=40001",
           "SIP/2.0/UDP phone.example.net;branch=z9hG4bK776;received=198.51.100.7;rport=40001",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK777;received=198.51.100.7;rport=40001",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;received=198.51.100.8;rport=40001",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;received=2001:db8::1;rport=40001",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;received=198.51.100.7;rport=40002",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;received=198.51.100.7;rport",
           "SIP/2.0/UDP phone.example.net:5062;branch=z9hG4bK776;rport=40001",
           "SIP/2.0/UDP phone.example.net:5062;received=198.51.100.7;rport=40001",
       }) {
    EXPECT_EQ(open(text, other), SealFault::BadMac) << other;
  }
}

TEST_F(SealViaTest, RefusesASealInAnotherViaOfOurs) {
  const std::string seal = ";slb=" + slb();
  EXPECT_EQ(open_own("SIP/2.0/UDP lb.example.com;branch=z9hG4bKslbabcdefghijklmnopb" + seal),
            SealFault::BadMac);
  const std::string branch_and_seal = ";branch=" + std::string(kOurBranch) + seal;
  EXPECT_EQ(open_own("SIP/2.0/UDP lb.example.org" + branch_and_seal), SealFault::BadMac);
  EXPECT_EQ(open_own("SIP/2.0/UDP lb.example.com:5070" + branch_and_seal), SealFault::BadMac);
  EXPECT_EQ(open_own("SIP/2.0/TCP lb.example.com" + branch_and_seal), SealFault::BadMac);
  EXPECT_EQ(open_own("SIP/2.0/SCTP lb.example.com" + branch_and_seal), SealFault::Malformed);
}

TEST_F(SealViaTest, TheDefaultPortIsThatOfTheTransport) {
  ViaSeal fields = kFields;
  fields.transport = Transport::Tls;
  const std::string text(
      seal_.seal_via(fields, kOurBranch, kOurSentBy, canonical(parsed_via(kNextVia))));
  const std::string rest = ";branch=" + std::string(kOurBranch) + ";slb=" + text;
  EXPECT_EQ(open_own("SIP/2.0/TLS lb.example.com" + rest), SealFault::None);
  EXPECT_EQ(out_.transport, Transport::Tls);
  EXPECT_EQ(open_own("SIP/2.0/TLS lb.example.com:5061" + rest), SealFault::None);
  EXPECT_EQ(open_own("SIP/2.0/TLS lb.example.com:5060" + rest), SealFault::BadMac);
}

TEST_F(SealViaTest, OrdinaryViasAreNotOurs) {
  EXPECT_EQ(open_own("SIP/2.0/UDP lb.example.com;branch=z9hG4bKother"), SealFault::NotOurs);
  for (const std::string_view text : {"", "1", "QQQQQQ", "QQQQQQq", "QQQQQQR07aaaaaaaa"}) {
    Via via = parsed_via("SIP/2.0/UDP lb.example.com;branch=z9hG4bKother");
    via.slb = text;
    const SealFault expected = text == "QQQQQQq" ? SealFault::Malformed : SealFault::NotOurs;
    EXPECT_EQ(seal_.open_via(via, canonical(parsed_via(kNextVia)), out_), expected) << text;
  }
}

TEST_F(SealViaTest, WhatDoesNotDecodeIsMalformed) {
  const std::string text = slb();
  for (size_t length = 7; length < text.size(); ++length) {
    Via via = parsed_via("SIP/2.0/UDP lb.example.com;branch=" + std::string(kOurBranch));
    const auto block = std::make_unique<char[]>(length);
    text.copy(block.get(), length);
    via.slb = {block.get(), length};
    EXPECT_EQ(seal_.open_via(via, canonical(parsed_via(kNextVia)), out_), SealFault::Malformed);
  }
  EXPECT_EQ(open(text + "a"), SealFault::Malformed);
  for (const size_t lane_digit : {7u, 8u}) {
    std::string altered = text;
    altered[lane_digit] = 'x';
    EXPECT_EQ(open(altered), SealFault::Malformed);
  }
  std::string unknown_mode = text;
  unknown_mode[9 + 9] = '7';  // the mode is the bits 46 and 47: in digit 9
  EXPECT_EQ(open(unknown_mode), SealFault::Malformed);
}

TEST_F(SealViaTest, ARefusedSealChangesNothing) {
  out_.instance = 5;
  std::string altered = slb();
  altered[12] = altered[12] == 'a' ? 'b' : 'a';
  EXPECT_EQ(open(altered), SealFault::BadMac);
  EXPECT_EQ(out_.instance, 5u);
}

TEST(CanonicalTest, TakesWhatAResponseIsSentBy) {
  const NextVia next = canonical(parsed_via(kNextVia));
  EXPECT_EQ(next.transport, Transport::Udp);
  EXPECT_EQ(next.host, "phone.example.net");
  EXPECT_EQ(next.port, 5062);
  EXPECT_EQ(next.received, SockAddress::v4(0xC6336407, 0));
  EXPECT_EQ(next.rport, 40001);
  EXPECT_EQ(next.branch, "z9hG4bK776");
}

TEST(CanonicalTest, FillsInWhatIsAbsent) {
  const NextVia next = canonical(parsed_via("SIP/2.0/TLS phone.example.net;rport"));
  EXPECT_EQ(next.transport, Transport::Tls);
  EXPECT_EQ(next.port, 5061);
  EXPECT_EQ(next.received.family(), SockAddress::Family::None);
  EXPECT_EQ(next.rport, 0);
  EXPECT_EQ(next.branch, "");
}

TEST(SealViaDeathTest, HasNoLaneOfThreeDigits) {
  const Seal seal(kKey, 1, 60);
  ViaSeal fields = kFields;
  fields.lane = 100;
  EXPECT_DEATH((void)seal.seal_via(fields, kOurBranch, kOurSentBy, NextVia{}), "assertion failed");
}

}  // namespace
}  // namespace siplb::sip
