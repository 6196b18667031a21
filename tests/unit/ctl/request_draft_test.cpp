#include "ctl/request_draft.h"

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

TEST(RequestDraftTest, IsAWholeRequestAtOnce) {
  EXPECT_EQ(write_request({}),
            "INVITE sip:bob@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-route-test;rport\r\n"
            "Max-Forwards: 70\r\n"
            "From: <sip:alice@example.com>;tag=route-test\r\n"
            "To: <sip:bob@example.com>\r\n"
            "Call-ID: route-test\r\n"
            "CSeq: 1 INVITE\r\n"
            "Contact: <sip:192.0.2.1:5060>\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
}

TEST(RequestDraftTest, SaysWhatOperatorsSay) {
  EXPECT_EQ(write_request({.method = "REGISTER",
                           .uri = "sip:example.com",
                           .from = "\"Al\" <sip:al@example.com>;tag=7",
                           .to = "sip:al@example.com",
                           .source = "[2001:db8::1]:5060",
                           .transport = "tcp",
                           .headers = {"call-id: c1", "Subject:lunch", "Route: <sip:a;lr>",
                                       "Route: <sip:b;lr>", "Supported: path"}}),
            "REGISTER sip:example.com SIP/2.0\r\n"
            "Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK-route-test;rport\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Al\" <sip:al@example.com>;tag=7\r\n"
            "To: <sip:al@example.com>\r\n"
            "Call-ID: c1\r\n"
            "CSeq: 1 REGISTER\r\n"
            "Contact: <sip:[2001:db8::1]:5060>\r\n"
            "Subject: lunch\r\n"
            "Route: <sip:a;lr>\r\n"
            "Route: <sip:b;lr>\r\n"
            "Supported: path\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
}

TEST(RequestDraftTest, GivesFilesTheLineEndsOfSip) {
  EXPECT_EQ(with_line_ends("A\nB: 1\n\n"), "A\r\nB: 1\r\n\r\n");
  EXPECT_EQ(with_line_ends("A\nB: 1\n"), "A\r\nB: 1\r\n\r\n");
  EXPECT_EQ(with_line_ends("A\nB: 1"), "A\r\nB: 1\r\n\r\n");
  EXPECT_EQ(with_line_ends("A\nB: 1\n\nv=0\n"), "A\r\nB: 1\r\n\r\nv=0\r\n");
}

TEST(RequestDraftTest, LeavesMessagesAsTheyAre) {
  const std::string message = "A\r\nB: 1\r\n\r\nline\nline\n";
  EXPECT_EQ(with_line_ends(message), message);
}

}  // namespace
}  // namespace siplb::ctl
