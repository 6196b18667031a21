#include "proxy/trace_message.h"

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

std::string title_of(const std::string& octets) {
  return std::string(read_trace_message(octets).title());
}

std::string title_of_uri(std::string_view uri) {
  return title_of(SipBuilder::request(sip::Method::Invite, uri).str());
}

TEST(TraceMessageTest, ReadsWhatTracesShow) {
  const std::string octets = SipBuilder::request().call_id("c1@10.0.0.5").cseq("7 INVITE").str();
  const TraceMessage message = read_trace_message(octets);
  EXPECT_EQ(message.start_line, "INVITE sip:bob@example.com SIP/2.0");
  EXPECT_EQ(message.call_id, "c1@10.0.0.5");
  EXPECT_EQ(message.cseq, "7 INVITE");
}

TEST(TraceMessageTest, KnowsCompactHeaders) {
  const std::string octets = SipBuilder::request().remove("Call-ID").raw("i: c2\r\n").str();
  EXPECT_EQ(read_trace_message(octets).call_id, "c2");
}

TEST(TraceMessageTest, TitlesRequestsAndResponses) {
  EXPECT_EQ(title_of_uri("sip:bob@example.com:5070"), "INVITE sip:bob@example.com:5070");
  EXPECT_EQ(title_of_uri("sip:example.com"), "INVITE sip:example.com");
  EXPECT_EQ(title_of_uri("tel:+43-1-234"), "INVITE tel:+43-1-234");
  EXPECT_EQ(title_of(SipBuilder::response(180).start_line("SIP/2.0 180 Ringing").str()),
            "180 Ringing");
}

TEST(TraceMessageTest, LeavesSecretsOfUrisOut) {
  EXPECT_EQ(title_of_uri("sip:bob:secret@example.com"), "INVITE sip:bob@example.com");
  EXPECT_EQ(title_of_uri("sip:bob@example.com;key=secret?Authorization=secret"),
            "INVITE sip:bob@example.com");
  EXPECT_EQ(title_of_uri("https://bob:secret@example.com"), "INVITE https:");
  EXPECT_EQ(title_of_uri("<sip:secret"), "INVITE");
}

TEST(TraceMessageTest, CutsWhatIsTooLong) {
  const std::string user(2 * TraceTitle::capacity(), 'u');
  EXPECT_EQ(title_of_uri("sip:" + user + "@example.com"),
            "INVITE sip:" + user.substr(0, TraceTitle::capacity() - 11));
  EXPECT_EQ(cut_to<4>("123"), "123");
  EXPECT_EQ(cut_to<4>("12345"), "1234");
}

TEST(TraceMessageTest, ReadsBrokenMessagesAsFarAsTheyGo) {
  const std::string octets = "BYE sip:bob@example.com SIP/2.0\r\nno header\r\nCall-ID: c3\r\nCSeq";
  const TraceMessage message = read_trace_message(octets);
  EXPECT_EQ(message.call_id, "c3");
  EXPECT_EQ(message.cseq, "");
  EXPECT_EQ(message.title(), "BYE sip:bob@example.com");
}

TEST(TraceMessageTest, HasNoTitleForWhatIsNoSip) {
  for (const char* octets : {"", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x01\x02", "SIP"}) {
    EXPECT_EQ(title_of(octets), "") << octets;
  }
}

TEST(TraceMessageTest, FindsTheUserOnEitherSideAndInTheRequestUri) {
  const std::string octets = SipBuilder::request(sip::Method::Invite, "sip:%62ob@example.com")
                                 .from("\"Alice\" <sip:alice@example.com>;tag=1")
                                 .to("<tel:+431234>")
                                 .str();
  const TraceMessage message = read_trace_message(octets);
  for (const char* user : {"alice", "+431234", "bob"}) EXPECT_TRUE(message.has_user(user)) << user;
  for (const char* user : {"alic", "alice2", "%62ob", "example.com", "Bob"}) {
    EXPECT_FALSE(message.has_user(user)) << user;
  }
}

TEST(TraceMessageTest, FindsNobodyInWhatIsMissing) {
  const std::string octets = "SIP/2.0 200 OK\r\nFrom: <\r\nTo:\r\n\r\n";
  EXPECT_FALSE(read_trace_message(octets).has_user("alice"));
}

}  // namespace
}  // namespace siplb::proxy
