#include "sip/reply.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "sip/seal.h"
#include "support/prefixes.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using test::SipBuilder;

const SockAddress kSource = *SockAddress::parse("192.0.2.1:5060");

std::string reply_to(std::string_view request, const ReplyOptions& options) {
  Message message;
  (void)scan(request, {}, message);
  std::array<char, 2048> out;
  return {out.data(), build_reply(message, options, out)};
}

TEST(ReplyTest, CopiesWhatAResponseMustRepeatAndNothingElse) {
  const std::string request = SipBuilder::request()
                                  .add("Via", "SIP/2.0/TCP 10.0.0.7;branch=z9hG4bKb")
                                  .record_route("<sip:edge;lr>")
                                  .add("Subject", "x")
                                  .body("v=0")
                                  .str();
  EXPECT_EQ(
      reply_to(request,
               {.code = 503, .to_tag = "t1", .headers = "Retry-After: 5\r\n", .source = kSource}),
      "SIP/2.0 503 Service Unavailable\r\n"
      "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKalice1\r\n"
      "Via: SIP/2.0/TCP 10.0.0.7;branch=z9hG4bKb\r\n"
      "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
      "To: <sip:bob@example.com>;tag=t1\r\n"
      "Call-ID: call-1@example.net\r\n"
      "CSeq: 1 INVITE\r\n"
      "Retry-After: 5\r\n"
      "Content-Length: 0\r\n\r\n");
}

TEST(ReplyTest, StampsTheTopViaOnly) {
  const std::string reply =
      reply_to(SipBuilder::request()
                   .via("SIP/2.0/UDP 10.0.0.1;received=203.0.113.1;rport;branch=z9hG4bKa, "
                        "SIP/2.0/UDP b;rport")
                   .add("Via", "SIP/2.0/UDP c;rport")
                   .str(),
               {.code = 200, .source = kSource});
  EXPECT_NE(reply.find("Via: SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport=5060;branch=z9hG4bKa, "
                       "SIP/2.0/UDP b;rport\r\nVia: SIP/2.0/UDP c;rport\r\n"),
            std::string::npos)
      << reply;
}

TEST(ReplyTest, KeepsAToTagThatIsThere) {
  const std::string request = SipBuilder::request().to("<sip:bob@example.com>;tag=b1").str();
  const std::string reply = reply_to(request, {.code = 481, .to_tag = "t1", .source = kSource});
  EXPECT_NE(reply.find("To: <sip:bob@example.com>;tag=b1\r\n"), std::string::npos) << reply;
}

TEST(ReplyTest, AddsTheTagToAnAddressWithoutBrackets) {
  const std::string request = SipBuilder::request().to("sip:bob@example.com ").str();
  const std::string reply = reply_to(request, {.code = 404, .to_tag = "t1", .source = kSource});
  EXPECT_NE(reply.find("To: sip:bob@example.com;tag=t1 \r\n"), std::string::npos) << reply;
}

TEST(ReplyTest, AddsNoTagWhereNoneIsGiven) {
  const std::string reply = reply_to(SipBuilder::request().str(), {.code = 100, .source = kSource});
  EXPECT_TRUE(reply.starts_with("SIP/2.0 100 Trying\r\n"));
  EXPECT_NE(reply.find("To: <sip:bob@example.com>\r\n"), std::string::npos);
}

TEST(ReplyTest, WritesTheReasonGiven) {
  const std::string reply = reply_to(SipBuilder::request().str(),
                                     {.code = 403, .reason = "Barred here", .source = kSource});
  EXPECT_TRUE(reply.starts_with("SIP/2.0 403 Barred here\r\n"));
}

TEST(ReplyTest, IsItselfAnAcceptableMessage) {
  const std::string reply = reply_to(SipBuilder::request(Method::Options).str(),
                                     {.code = 200, .to_tag = "t", .source = kSource});
  Message message;
  ASSERT_EQ(scan(reply, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.status, 200);
  EXPECT_EQ(message.method, Method::Options);
  EXPECT_EQ(message.to_tag, "t");
  EXPECT_EQ(message.call_id, "call-1@example.net");
}

TEST(ReplyTest, AnswersAFaultyRequestThatCanBeAnswered) {
  for (const std::string& request :
       {SipBuilder::request().cseq("1 BYE").str(), SipBuilder::request().from("\"Alice").str(),
        SipBuilder::request().content_length("-1").str(),
        SipBuilder::request().raw("Bad Header: x\r\n").str(),
        SipBuilder::request(Method::Bye, "sip:a b").str(),
        SipBuilder::request().raw("To: <sip:x>;tag=2\r\n").str()}) {
    Message message;
    ASSERT_NE(scan(request, {}, message), ScanStatus::Ok) << request;
    const std::string reply = reply_to(request, {.code = 400, .to_tag = "t", .source = kSource});
    EXPECT_TRUE(reply.starts_with("SIP/2.0 400 Bad Request\r\nVia: ")) << request;
    EXPECT_TRUE(reply.ends_with("\r\n\r\n")) << request;
  }
}

TEST(ReplyTest, AnswersNothingThatCannotBeAnswered) {
  for (const std::string& message :
       {SipBuilder::request(Method::Ack).str(), SipBuilder::response(200).str(),
        SipBuilder::request().via("SIP/2.0/UDP").str(), SipBuilder::request().remove("Via").str(),
        SipBuilder::request().remove("From").str(), SipBuilder::request().remove("To").str(),
        SipBuilder::request().call_id("").str(), SipBuilder::request().remove("CSeq").str(),
        SipBuilder::request().start_line("INVITE sip:bob").str(), std::string("\r\n\r\n")}) {
    EXPECT_EQ(reply_to(message, {.code = 400, .source = kSource}), "") << message;
  }
}

TEST(ReplyTest, GivesNothingWhereItDoesNotFit) {
  const std::string request = SipBuilder::request().str();
  const ReplyOptions options{.code = 500, .to_tag = "t", .source = kSource};
  const std::string whole = reply_to(request, options);
  Message message;
  ASSERT_EQ(scan(request, {}, message), ScanStatus::Ok);
  for (size_t size = 0; size <= whole.size(); ++size) {
    const auto out = std::make_unique<char[]>(size);
    const size_t length = build_reply(message, options, {out.get(), size});
    EXPECT_EQ(length, size == whole.size() ? size : 0);
  }
}

TEST(ReplyTest, StaysInsideEveryPrefixOfTheRequest) {
  std::array<char, 2048> out;
  test::for_each_prefix(SipBuilder::request().str(), [&](std::string_view prefix) {
    Message message;
    const bool ok = scan(prefix, {}, message) == ScanStatus::Ok;
    const size_t length = build_reply(message, {.code = 400, .source = kSource}, out);
    EXPECT_EQ(length != 0, answerable(message));
    EXPECT_TRUE(!ok || length != 0);
  });
}

// ---- What a forged source address could make of us ----------------------------------------------

// The longest that any code makes an answer, to the longest address there is.
size_t longest_reply_to(std::string_view request) {
  const std::string to_tag(kLocalTagLength, 't');
  size_t longest = 0;
  for (uint16_t code = 200; code < 700; ++code) {
    for (const std::string_view source :
         {"255.255.255.255:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"}) {
      const ReplyOptions options{.code = code,
                                 .to_tag = to_tag,
                                 .headers = code == 503 ? "Retry-After: 5\r\n" : "",
                                 .source = *SockAddress::parse(source)};
      longest = std::max(longest, reply_to(request, options).size());
    }
  }
  return longest;
}

// All that RFC 3261, 8.1.1 wants and nothing else, of the length that scanners come with at least.
TEST(ReplySizeTest, IsAtMostOneAndAHalfTimesAPlausibleRequest) {
  for (const std::string_view method : {"INVITE", "OPTIONS", "REGISTER"}) {
    const std::string before = std::string(method) +
                               " sip:100@192.0.2.1 SIP/2.0\r\n"
                               "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\n"
                               "Max-Forwards: 70\r\n"
                               "From: <sip:100@192.0.2.1>;tag=1\r\n"
                               "To: <sip:100@192.0.2.1>\r\n"
                               "Call-ID: ";
    const std::string after = "\r\nCSeq: 1 " + std::string(method) + "\r\n\r\n";
    // Filled up where the answer has to repeat it.
    const std::string request =
        before + std::string(200 - before.size() - after.size(), 'c') + after;
    const size_t percent = longest_reply_to(request) * 100 / request.size();
    RecordProperty("percent_of_" + std::string(method), static_cast<int>(percent));
    EXPECT_LE(percent, 150u) << method;
  }
}

// No answer repeats more than was sent, so this is all that the shortest of requests can gain.
TEST(ReplySizeTest, IsNeverMoreThan130OctetsLongerThanItsRequest) {
  for (const std::string_view request :
       {"X sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:b\r\nt:b\r\ni:c\r\nCSeq:1 X\r\n\r\n",
        "X sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport\r\nf:b\r\nt:b\r\ni:c\r\nCSeq:1 X\r\n\r\n"}) {
    const size_t length = longest_reply_to(request);
    ASSERT_NE(length, 0u) << request;
    EXPECT_LE(length, request.size() + 130) << request;
  }
}

TEST(ReasonPhraseTest, KnowsTheCodesWeSend) {
  EXPECT_EQ(reason_phrase(481), "Call/Transaction Does Not Exist");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace siplb::sip
