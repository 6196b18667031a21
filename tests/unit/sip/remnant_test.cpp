#include "sip/remnant.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/prefixes.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using test::SipBuilder;

// Written into a block of exactly its length.
std::string remnant_of(const Message& request) {
  const size_t length = remnant_length(request);
  const auto out = std::make_unique<char[]>(length);
  write_remnant(request, {out.get(), length});
  return {out.get(), length};
}

std::vector<std::string> lines_of(const Message& message, HeaderId id) {
  std::vector<std::string> lines;
  for (const Header& header : message.headers()) {
    if (header.id == id) lines.emplace_back(header.line);
  }
  return lines;
}

void expect_same_transaction(const Message& left, const Message& request) {
  EXPECT_EQ(left.method, request.method);
  EXPECT_EQ(left.request_uri, request.request_uri);
  for (const HeaderId id : {HeaderId::Via, HeaderId::Route, HeaderId::From, HeaderId::To,
                            HeaderId::CallId, HeaderId::CSeq, HeaderId::MaxForwards}) {
    EXPECT_EQ(lines_of(left, id), lines_of(request, id));
  }
}

TEST(RemnantTest, KeepsWhatTheTransactionNeedsAndNothingElse) {
  const std::string request = SipBuilder::request()
                                  .add("Via", "SIP/2.0/TCP 10.0.0.7;branch=z9hG4bKb")
                                  .route("<sip:us;lr>, <sip:a;lr>")
                                  .record_route("<sip:edge;lr>")
                                  .add("Subject", "x")
                                  .add("Proxy-Require", "y")
                                  .body("v=0")
                                  .str();
  Message message;
  ASSERT_EQ(scan(request, {}, message), ScanStatus::Ok);
  EXPECT_EQ(remnant_of(message),
            "INVITE sip:bob@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKalice1\r\n"
            "Via: SIP/2.0/TCP 10.0.0.7;branch=z9hG4bKb\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
            "To: <sip:bob@example.com>\r\n"
            "Call-ID: call-1@example.net\r\n"
            "CSeq: 1 INVITE\r\n"
            "Route: <sip:us;lr>, <sip:a;lr>\r\n\r\n");
}

TEST(RemnantTest, ScansAsTheSameRequest) {
  for (const std::string& request :
       {SipBuilder::request().body("v=0").str(), "\r\n" + SipBuilder::request().str(),
        SipBuilder::request().remove("Max-Forwards").str(),
        SipBuilder::request().via("SIP/2.0/UDP a;branch=z9hG4bKa,\r\n SIP/2.0/UDP b").str(),
        SipBuilder::request().order({"CSeq", "Call-ID", "To", "From"}).str(),
        SipBuilder::request()
            .remove("To")
            .raw("t:\r\n\t<sip:bob@example.com>\r\n")
            .route("<sip:a;lr>")
            .add("Subject", "between")
            .route("<sip:b;lr>,\r\n\t<sip:c;lr>")
            .str()}) {
    Message message;
    ASSERT_EQ(scan(request, {}, message), ScanStatus::Ok) << request;
    const std::string remnant = remnant_of(message);
    Message left;
    ASSERT_EQ(scan(remnant, {}, left), ScanStatus::Ok) << remnant;
    EXPECT_TRUE(left.body.empty());
    expect_same_transaction(left, message);
    EXPECT_EQ(left.via.branch, message.via.branch);
    EXPECT_EQ(remnant_of(left), remnant);
  }
}

TEST(RemnantTest, StaysInsideTheRequest) {
  test::for_each_prefix(SipBuilder::request().str(), [](std::string_view prefix) {
    Message message;
    if (scan(prefix, {}, message) != ScanStatus::Ok) return;
    const std::string remnant = remnant_of(message);
    Message left;
    EXPECT_EQ(scan(remnant, {}, left), ScanStatus::Ok);
  });
}

}  // namespace
}  // namespace siplb::sip
