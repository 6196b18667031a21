#include "proxy/local_reply.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;
using testing::HasSubstr;
using testing::StartsWith;

class LocalReplyTest : public LaneTest {
 protected:
  test::SentMessage reply(const SipBuilder& request, const transport::Flow& source) {
    EXPECT_TRUE(local_reply_.send(scanned(request.str()), source, Verdict::reply(403)));
    return wire_.take().front();
  }

  LocalReply local_reply_{around_->outlook, wire_};
};

TEST_F(LocalReplyTest, GoesToTheSourceAddressWhateverTheViaSays) {
  auto request = SipBuilder::request();
  request.via("SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bK1");
  EXPECT_EQ(reply(request, from_client("192.0.2.7:4444")).to, from_client("192.0.2.7:5070"));
  request.via("SIP/2.0/UDP 198.51.100.1:5070;rport;branch=z9hG4bK1");
  const auto sent = reply(request, from_client("192.0.2.7:4444"));
  EXPECT_EQ(sent.to, from_client("192.0.2.7:4444"));
  EXPECT_THAT(sent.text, HasSubstr(";received=192.0.2.7;rport=4444;"));
}

TEST_F(LocalReplyTest, IsTheSameForARepeatAndItsAckIsKnown) {
  const auto first = reply(SipBuilder::request(), from_client());
  EXPECT_EQ(reply(SipBuilder::request(), from_client()).text, first.text);
  EXPECT_THAT(first.text, StartsWith("SIP/2.0 403 Forbidden\r\n"));

  const size_t tag = first.text.find(";tag=slb") + 5;
  auto ack = SipBuilder::request(sip::Method::Ack);
  ack.to("<sip:bob@example.com>;tag=" + first.text.substr(tag, first.text.find('\r', tag) - tag));
  EXPECT_TRUE(deliver(from_client(), ack.str()).empty());
  EXPECT_EQ(counters_.absorbed[AbsorbReason::LocalAck].value(), 1U);
}

TEST_F(LocalReplyTest, GivesUpOnAnAnswerThatWouldBeTooLong) {
  auto request = SipBuilder::request();
  request.from("\"" + std::string(kReplyOctetsMax, 'x') + "\" <sip:a@b>;tag=1");
  EXPECT_FALSE(local_reply_.send(scanned(request.str()), from_client(), Verdict::reply(400)));
  EXPECT_TRUE(wire_.take().empty());
}

}  // namespace
}  // namespace siplb::proxy
