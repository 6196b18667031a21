#include "balance/hash_key.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "support/sip_builder.h"

namespace siplb::balance {
namespace {

using sip::Method;
using test::SipBuilder;

constexpr std::string_view kCallId = "a84b4c76e66710";
const SockAddress kSource = SockAddress::v4(0xc0000201, 5060);

uint64_t key_of(const HashKeyOptions& options, const std::string& text,
                const SockAddress& source = kSource) {
  sip::Message message;
  EXPECT_EQ(sip::scan(text, {}, message), sip::ScanStatus::Ok) << text;
  return request_key(options, message, source).hash();
}

uint64_t key_of(HashKeyKind kind, const SipBuilder& request) {
  return key_of(HashKeyOptions{kind, {}}, request.str());
}

SipBuilder request(Method method = Method::Invite) {
  return SipBuilder::request(method, "sip:carol@example.com")
      .from("<sip:alice@example.com>;tag=1")
      .to("Bob <sip:bob@example.com>")
      .call_id(kCallId);
}

TEST(HashKeyTest, EachKindHashesItsPart) {
  EXPECT_EQ(key_of(HashKeyKind::CallId, request()), hash_octets(kCallId));
  EXPECT_EQ(key_of(HashKeyKind::FromUser, request()), hash_octets("alice"));
  EXPECT_EQ(key_of(HashKeyKind::ToUser, request()), hash_octets("bob"));
  EXPECT_EQ(key_of(HashKeyKind::RequestUser, request()), hash_octets("carol"));
  EXPECT_EQ(key_of(HashKeyKind::SourceIp, request()), hash_octets(kSource.ip_octets()));
}

TEST(HashKeyTest, DefaultIsTheToUserForRegistrationsAndSubscriptionsOnly) {
  for (const Method method : {Method::Register, Method::Subscribe, Method::Publish}) {
    EXPECT_EQ(key_of(HashKeyKind::Default, request(method)), hash_octets("bob"));
    EXPECT_EQ(key_of(HashKeyKind::CallId, request(method)), hash_octets(kCallId));
  }
  for (const Method method : {Method::Invite, Method::Options, Method::Message, Method::Bye}) {
    EXPECT_EQ(key_of(HashKeyKind::Default, request(method)), hash_octets(kCallId));
  }
}

TEST(HashKeyTest, SaysWhatItHashes) {
  struct Case {
    HashKeyOptions options;
    std::string_view name;
    std::string_view text;
  };
  const Case cases[] = {
      {{HashKeyKind::Default, {}}, "to-user", "b%6Fb"},
      {{HashKeyKind::CallId, {}}, "call-id", kCallId},
      {{HashKeyKind::FromUser, {}}, "from-user", "alice"},
      {{HashKeyKind::RequestUser, {}}, "request-user", "carol"},
      {{HashKeyKind::SourceIp, {}}, "source-ip", kSource.ip_octets()},
      {{HashKeyKind::HeaderValue, "Subject"}, "header", "lunch"},
      {{HashKeyKind::HeaderValue, "Organization"}, "call-id", kCallId},
  };
  const std::string text =
      request(Method::Register).to("<sip:b%6Fb@example.com>").add("Subject", "lunch").str();
  sip::Message message;
  ASSERT_EQ(sip::scan(text, {}, message), sip::ScanStatus::Ok);
  for (const Case& each : cases) {
    const RequestKey key = request_key(each.options, message, kSource);
    EXPECT_EQ(name(key.kind), each.name);
    EXPECT_EQ(key.text, each.text) << each.name;
  }
  EXPECT_EQ(name(HashKeyKind::Default), "default");
}

TEST(HashKeyTest, UsersAreEqualWhateverTheHostAndTheEscapes) {
  const uint64_t bob = hash_octets("bob");
  for (const std::string_view to :
       {"<sip:bob@192.0.2.9:5070;transport=udp>", "<sips:bob@example.org>", "<sip:b%6Fb@h>",
        "<sip:%62%6f%62@h>", "<sip:bob:secret@h>", "sip:bob@h", "\"Bob\" <sip:bob@h>;tag=2"}) {
    EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to(to)), bob) << to;
  }
}

TEST(HashKeyTest, UsersThatDifferHashDifferently) {
  const uint64_t bob = hash_octets("bob");
  for (const std::string_view to :
       {"<sip:Bob@h>", "<sip:bo@h>", "<sip:bob%20@h>", "<sip:b%4Fb@h>"}) {
    EXPECT_NE(key_of(HashKeyKind::ToUser, request().to(to)), bob) << to;
  }
}

TEST(HashKeyTest, BrokenEscapesAreTakenAsTheyAre) {
  for (const std::string_view user : {"bob%", "bob%6", "bob%6g", "bob%g6", "%%"}) {
    const std::string to = "<sip:" + std::string(user) + "@h>";
    EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to(to)), hash_octets(user)) << to;
  }
}

TEST(HashKeyTest, LongUsersCountToTheirLastOctet) {
  for (const size_t length : {255u, 256u, 257u, 512u, 3000u}) {
    const std::string start(length - 1, 'u');
    const auto key = [&](const std::string& user) {
      return key_of(HashKeyKind::ToUser, request().to("<sip:" + user + "@h>"));
    };
    EXPECT_EQ(key(start + "a"), key(start + "%61")) << length;
    EXPECT_EQ(key(start + "a"), key("%75" + start.substr(1) + "a")) << length;
    EXPECT_NE(key(start + "a"), key(start + "b")) << length;
    EXPECT_NE(key(start + "a"), key(start)) << length;
  }
}

TEST(HashKeyTest, TelephoneNumbersAreUsers) {
  EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to("<tel:+15551234;phone-context=x>")),
            hash_octets("+15551234"));
  EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to("<sip:+15551234@h;user=phone>")),
            hash_octets("+15551234"));
}

TEST(HashKeyTest, RequestsWithoutTheKeyFallBackToTheCallId) {
  const uint64_t call_id = hash_octets(kCallId);
  EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to("<sip:example.com>")), call_id);
  EXPECT_EQ(key_of(HashKeyKind::FromUser, request().from("<sip:example.com>;tag=1")), call_id);
  EXPECT_EQ(key_of(HashKeyKind::Default, request(Method::Register).to("<sip:h>")), call_id);
  EXPECT_EQ(key_of(HashKeyKind::ToUser, request().to("<urn:service:sos>")), call_id);
  const HashKeyOptions header{HashKeyKind::HeaderValue, "X-Tenant"};
  EXPECT_EQ(key_of(header, request().str()), call_id);
  EXPECT_EQ(key_of(header, request().add("X-Tenant", "").str()), call_id);
}

TEST(HashKeyTest, HeaderIsFoundInAnyCaseAndItsFirstValueCounts) {
  const HashKeyOptions options{HashKeyKind::HeaderValue, "X-Tenant"};
  const std::string text = request().add("x-tenant", "blue").add("X-Tenant", "red").str();
  EXPECT_EQ(key_of(options, text), hash_octets("blue"));
}

TEST(HashKeyTest, SourceCountsWithoutItsPort) {
  const HashKeyOptions options{HashKeyKind::SourceIp, {}};
  const std::string text = request().str();
  EXPECT_EQ(key_of(options, text, kSource), key_of(options, text, kSource.with_port(9)));
  EXPECT_NE(key_of(options, text, kSource),
            key_of(options, text, SockAddress::v4(0xc0000202, 5060)));
}

}  // namespace
}  // namespace siplb::balance
