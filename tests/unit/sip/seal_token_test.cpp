// The token: both ends of a dialog, bound to its Call-ID, or of a Path (sip/seal.h,
// seal_token.cpp).

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sip/rfc4648.h"
#include "sip/seal.h"
#include "unit/sip/seal_key.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kCallId = "a84b4c76e66710@pc33.example.com";
constexpr uint16_t kToday = 20000;
constexpr uint16_t kLifeDays = 60;

TokenEnd client(std::string_view address) {
  return {.listener = 0xfffe, .transport = Transport::Udp, .address = *SockAddress::parse(address)};
}

// Came to a listener with a wildcard address.
TokenEnd client_at(std::string_view address, std::string_view local) {
  TokenEnd end = client(address);
  end.local = *SockAddress::parse_ip(local, 0);
  return end;
}

TokenEnd on_stream(TokenEnd end) {
  end.transport = Transport::Tcp;
  end.instance = 0xcafef00d;
  end.connection = 0x0102030405060708;
  return end;
}

TokenEnd server(std::string_view address) {
  return {.is_server = true,
          .server_id = 0xdeadbeef,
          .transport = Transport::Tcp,
          .address = *SockAddress::parse(address)};
}

Token token_of(const TokenEnd& initiator, const TokenEnd& responder) {
  return {.initiator = initiator,
          .responder = responder,
          .from_tag_hash = 0x010203,
          .issue_day = kToday};
}

const Token kV4Call = token_of(client("192.0.2.9:5062"), server("10.0.0.1:5060"));
const Token kV6Call = token_of(client("[2001:db8::9]:5062"), server("[fd00::1]:5060"));
const Token kV4LocalCall =
    token_of(client_at("192.0.2.9:5062", "198.51.100.1"), server("10.0.0.1:5060"));
const Token kV6LocalCall =
    token_of(client_at("[2001:db8::9]:5062", "2001:db8::1"), server("[fd00::1]:5060"));
const Token kV4StreamCall = token_of(on_stream(client("192.0.2.9:5062")), server("10.0.0.1:5060"));
const Token kV6StreamCall =
    token_of(on_stream(client("[2001:db8::9]:5062")), server("[fd00::1]:5060"));
const Token kV6LocalStreamCall =
    token_of(server("[fd00::1]:5060"), on_stream(client_at("[2001:db8::9]:5062", "2001:db8::1")));

Token path_of(Token token) {
  token.kind = TokenKind::Path;
  return token;
}

const Token kAllForms[] = {kV4Call,
                           kV6Call,
                           kV4LocalCall,
                           kV6LocalCall,
                           kV4StreamCall,
                           kV6LocalStreamCall,
                           path_of(kV4Call),
                           path_of(kV6Call),
                           path_of(kV4LocalCall),
                           path_of(kV6LocalCall),
                           path_of(kV4StreamCall),
                           path_of(kV6LocalStreamCall)};

class SealTokenTest : public testing::Test {
 protected:
  std::string sealed(const Token& token) { return std::string(seal_.seal_token(token, kCallId)); }
  SealFault open(std::string_view user, uint16_t today = kToday) {
    return seal_.open_token(user, kCallId, today, out_);
  }

  Seal seal_{kKey, 1, kLifeDays};
  Token out_;
};

TEST_F(SealTokenTest, FormStaysWhatItIs) {
  EXPECT_EQ(sealed(kV4Call), "EE4gAQIDAP_-wAACCRPGBd6tvu8KAAABE8QNczM23aTV_Q");
  EXPECT_EQ(sealed(kV6Call),
            "EE4gAQIDAv_-IAENuAAAAAAAAAAAAAAACRPGB96tvu_9AAAAAAAAAAAAAAAAAAABE8RLzt3-8y2Wkg");
  EXPECT_EQ(sealed(kV4LocalCall), "EE4gAQIDgP_-wAACCRPGxjNkAQXerb7vCgAAARPEijsSVntVWso");
  EXPECT_EQ(sealed(path_of(kV4Call)), "EU4gAQIDAP_-wAACCRPGBd6tvu8KAAABE8RNuUsihhnKsQ");
}

TEST_F(SealTokenTest, FitsItsOctetBudget) {
  const auto length = [this](const TokenEnd& one, const TokenEnd& other) {
    return sealed(token_of(one, other)).size();
  };
  constexpr std::string_view kV4 = "255.255.255.255:65535";
  constexpr std::string_view kV6 = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
  EXPECT_EQ(length(client(kV4), server(kV4)), 46u);
  EXPECT_EQ(length(server(kV4), server(kV4)), 48u);
  EXPECT_EQ(length(client(kV6), server(kV6)), 78u);
  EXPECT_EQ(length(server(kV6), server(kV6)), 80u);
  constexpr std::string_view kV6Local = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(length(client_at(kV4, "255.255.255.255"), server(kV4)), 51u);
  EXPECT_EQ(length(client_at(kV6, kV6Local), server(kV6)), 99u);
  EXPECT_EQ(length(on_stream(client(kV4)), server(kV4)), 62u);
  EXPECT_EQ(length(on_stream(client(kV6)), server(kV6)), 94u);
  EXPECT_EQ(length(on_stream(client_at(kV6, kV6Local)), server(kV6)), kTokenLengthMax);
}

// What siplb adds to a request, by the budget of SIP.md, 2: host names up to 20 characters.
TEST_F(SealTokenTest, ARequestGrowsByNoMoreThanItsBudget) {
  constexpr size_t kSentBy = 20 + 6;
  constexpr size_t kViaLine = std::string_view("Via: SIP/2.0/UDP ;branch=;slb=\r\n").size() +
                              kSentBy + kBranchLength + 9 + 32;
  constexpr size_t kRecordRoute = std::string_view("Record-Route: <sip:;lr>\r\n").size() + kSentBy;
  constexpr size_t kMaxForwards = std::string_view("Max-Forwards: 70\r\n").size();
  constexpr size_t kStampV4 = std::string_view(";received=255.255.255.255=65535").size();
  constexpr size_t kStampV6 = kStampV4 + 39 - 15;
  const auto v4 = [&](size_t routes, const Token& token) {
    return kViaLine + routes * kRecordRoute + 1 + sealed(token).size() + kMaxForwards + kStampV4;
  };
  EXPECT_LE(v4(1, kV4Call), 275u);
  EXPECT_LE(v4(2, kV4Call), 330u);
  // Address literals in brackets in place of the names.
  constexpr size_t kLonger = 41 - 20;
  const auto v6 = [&](size_t routes, const Token& token) {
    return kViaLine + routes * kRecordRoute + 1 + sealed(token).size() + kMaxForwards + kStampV6 +
           (1 + routes) * kLonger;
  };
  EXPECT_LE(v6(1, kV6Call), 390u);
  EXPECT_LE(v6(2, kV6Call), 460u);

  // A client on a stream has its connection in the token and in the Via, and each Record-Route says
  // its transport. For IPv4 SIP.md has 310 and 375: it reckons with a connection of 6 octets.
  constexpr size_t kViaConnection = 45 - 32;
  constexpr size_t kTransport = std::string_view(";transport=tcp").size();
  EXPECT_EQ(v4(1, kV4StreamCall) + kViaConnection + kTransport, 316u);
  EXPECT_EQ(v4(2, kV4StreamCall) + kViaConnection + 2 * kTransport, 381u);
  EXPECT_LE(v6(1, kV6StreamCall) + kViaConnection + kTransport, 430u);
  EXPECT_LE(v6(2, kV6StreamCall) + kViaConnection + 2 * kTransport, 515u);

  // The local address of a wildcard listener stands in the token and in the Via.
  EXPECT_EQ(v4(1, kV4LocalCall) + 7, v4(1, kV4Call) + 12);
  EXPECT_EQ(v6(1, kV6LocalCall) + 26, v6(1, kV6Call) + 47);
}

TEST_F(SealTokenTest, OpensWhatItSealed) {
  for (const Token& token : {
           kV4Call,
           kV6Call,
           token_of(server("10.0.0.1:5060"), server("[fd00::1]:5060")),
           token_of(client("[2001:db8::9]:1"), server("192.0.2.9:65535")),
           token_of(server("10.0.0.1:5060"), client("192.0.2.9:5062")),
           token_of(server("[fd00::1]:5060"), client_at("192.0.2.9:5062", "198.51.100.1")),
       }) {
    ASSERT_EQ(open(sealed(token)), SealFault::None);
    EXPECT_EQ(out_, token);
  }
  for (const Token& token : kAllForms) {
    ASSERT_EQ(open(sealed(token)), SealFault::None);
    EXPECT_EQ(out_, token);
  }
}

TEST_F(SealTokenTest, OnlyAClientHasALocalAddressAndOnlyOfItsFamily) {
  Token token = kV4Call;
  token.initiator.local = *SockAddress::parse_ip("2001:db8::1", 0);
  token.responder.local = *SockAddress::parse_ip("198.51.100.1", 0);
  EXPECT_EQ(sealed(token), sealed(kV4Call));
}

TEST_F(SealTokenTest, OnlyAClientOnAStreamHasAConnection) {
  for (const TokenEnd& stranger : {client("192.0.2.9:5062"), server("10.0.0.1:5060")}) {
    TokenEnd end = stranger;
    end.instance = 1;
    end.connection = 1;
    EXPECT_EQ(sealed(token_of(end, server("10.0.0.2:5060"))),
              sealed(token_of(stranger, server("10.0.0.2:5060"))));
  }
}

TEST_F(SealTokenTest, APathIsOfUseInAnyCall) {
  for (const Token& token : kAllForms) {
    const SealFault elsewhere = seal_.open_token(sealed(token), "another", kToday, out_);
    EXPECT_EQ(elsewhere == SealFault::None, token.kind == TokenKind::Path);
  }
  EXPECT_EQ(seal_.seal_token(path_of(kV4Call), "another"), sealed(path_of(kV4Call)));
}

TEST_F(SealTokenTest, KeepsTheTransportsOfBothEnds) {
  for (const Transport transport : {Transport::Udp, Transport::Tcp, Transport::Tls}) {
    Token token = kV4Call;
    token.initiator.transport = transport;
    ASSERT_EQ(open(sealed(token)), SealFault::None);
    EXPECT_EQ(out_, token);
  }
}

TEST_F(SealTokenTest, AnotherProcessWithTheKeyOpensIt) {
  const std::string text = sealed(kV4Call);
  EXPECT_EQ(Seal(kKey, 99, kLifeDays).open_token(text, kCallId, kToday, out_), SealFault::None);
  EXPECT_EQ(Seal(HashKey{}, 1, kLifeDays).open_token(text, kCallId, kToday, out_),
            SealFault::BadMac);
}

TEST_F(SealTokenTest, IsOfNoUseInAnotherCall) {
  const std::string text = sealed(kV4Call);
  EXPECT_EQ(seal_.open_token(text, "another@example.com", kToday, out_), SealFault::BadMac);
  EXPECT_EQ(seal_.open_token(text, "", kToday, out_), SealFault::BadMac);
}

TEST_F(SealTokenTest, RefusesAnAlteredCharacterAnywhere) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%";
  for (const Token& token : kAllForms) {
    const std::string text = sealed(token);
    for (size_t at = 0; at < text.size(); ++at) {
      for (const char digit : kDigits) {
        if (digit == text[at]) continue;
        std::string altered = text;
        altered[at] = digit;
        EXPECT_NE(open(altered), SealFault::None) << altered;
      }
    }
  }
}

TEST_F(SealTokenTest, RefusesEveryOtherLength) {
  for (const Token& token : kAllForms) {
    const size_t whole = sealed(token).size();
    const std::string text = sealed(token) + std::string(kTokenLengthMax, 'A');
    for (size_t length = 0; length <= text.size(); ++length) {
      const auto block = std::make_unique<char[]>(length);
      text.copy(block.get(), length);
      const SealFault fault = open({block.get(), length});
      EXPECT_EQ(fault == SealFault::None, length == whole) << length;
      EXPECT_EQ(fault == SealFault::NotOurs, length < 46 || length > kTokenLengthMax) << length;
    }
  }
}

TEST_F(SealTokenTest, OrdinaryUsersAreNotOurs) {
  for (const std::string_view user :
       {"", "alice", "Eve", "+15551234567", "E", "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE",
        "a-rather-long-user-part-that-no-one-would-ever-type"}) {
    EXPECT_EQ(open(user), SealFault::NotOurs) << user;
  }
}

// Takes a token apart, lets `change` at its octets and prints it again.
template <class Change>
std::string rewritten(std::string_view text, Change change) {
  std::vector<uint8_t> octets(base64url_octets(text.size()));
  EXPECT_TRUE(decode_base64url(text, octets));
  change(octets);
  std::string out(base64url_length(octets.size()), '\0');
  encode_base64url(octets, out);
  return out;
}

TEST_F(SealTokenTest, WhatDoesNotDecodeIsMalformed) {
  using Octets = std::vector<uint8_t>;
  const std::string text = sealed(kV4Call);
  EXPECT_EQ(open(rewritten(text, [](Octets&) {})), SealFault::None);
  // Another kind; a transport that there is not, in either end; an end longer than the token; a
  // server with a local address; two clients.
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[0] |= 2; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[0] |= 3; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[6] |= 0x0c; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[6] |= 0x40; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[15] |= 0x0c; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[6] |= 2; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[15] |= 2; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[6] |= 0x80; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[15] |= 0x80; })), SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text,
                           [](Octets& o) {
                             o[15] ^= 1;
                             o.erase(o.begin() + 16, o.begin() + 18);
                             o.push_back(0);
                             o.push_back(0);
                           })),
            SealFault::Malformed);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o.push_back(0); })), SealFault::Malformed);
  const std::string longer = sealed(kV4LocalCall);
  EXPECT_EQ(open(rewritten(longer, [](Octets& o) { o.pop_back(); })), SealFault::Malformed);
  // And what decodes is still not ours: another key id says so by its first character.
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[0] |= 4; })), SealFault::NotOurs);
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o.back() ^= 1; })), SealFault::BadMac);
  // A dialog's token does not become a Path by saying so.
  EXPECT_EQ(open(rewritten(text, [](Octets& o) { o[0] |= 1; })), SealFault::BadMac);
}

TEST_F(SealTokenTest, HasExactlyOneText) {
  const std::string text = sealed(kV4Call);  // 34 octets: the last character has 4 spare bits
  int accepted = 0;
  for (int last = 0; last < 256; ++last) {
    std::string other = text;
    other.back() = static_cast<char>(last);
    if (open(other) == SealFault::None) ++accepted;
  }
  EXPECT_EQ(accepted, 1);
}

TEST_F(SealTokenTest, ExpiresAfterItsLife) {
  const std::string text = sealed(kV4Call);
  EXPECT_EQ(open(text, kToday + kLifeDays), SealFault::None);
  EXPECT_EQ(open(text, kToday + kLifeDays + 1), SealFault::Expired);
  EXPECT_EQ(open(text, 65535), SealFault::Expired);
}

TEST_F(SealTokenTest, ToleratesADayOfTheFuture) {
  const std::string text = sealed(kV4Call);
  EXPECT_EQ(open(text, kToday - 1), SealFault::None);
  EXPECT_EQ(open(text, kToday - 2), SealFault::Expired);
  EXPECT_EQ(open(text, 0), SealFault::Expired);
}

TEST_F(SealTokenTest, AForgedTokenIsNotCalledExpired) {
  std::string text = sealed(kV4Call);
  text[10] = text[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(open(text, kToday + kLifeDays + 1), SealFault::BadMac);
}

TEST_F(SealTokenTest, ARefusedTokenChangesNothing) {
  ASSERT_EQ(open(sealed(kV6Call)), SealFault::None);
  EXPECT_EQ(open(sealed(kV4Call), 0), SealFault::Expired);
  EXPECT_EQ(out_, kV6Call);
}

TEST(SealTokenDeathTest, AnEndNeedsAnAddress) {
  const Seal seal(kKey, 1, kLifeDays);
  Token token = kV4Call;
  token.responder.address = {};
  EXPECT_DEATH((void)seal.seal_token(token, kCallId), "assertion failed");
}

TEST(SealTokenDeathTest, TwoClientsHaveNone) {
  const Seal seal(kKey, 1, kLifeDays);
  const Token token = token_of(client("192.0.2.9:5062"), client("192.0.2.8:5062"));
  EXPECT_DEATH((void)seal.seal_token(token, kCallId), "assertion failed");
}

}  // namespace
}  // namespace siplb::sip
