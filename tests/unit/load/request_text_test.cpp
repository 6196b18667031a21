#include "load/request_text.h"

#include <string>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using siplb::test::SipBuilder;

constexpr CallKey kCall{3, 17};

// A copy of the text, scanned.
class Scanned {
 public:
  explicit Scanned(std::string octets) : octets_(std::move(octets)) {
    EXPECT_EQ(sip::scan(octets_, {}, message_), sip::ScanStatus::Ok) << octets_;
  }
  explicit Scanned(const SipBuilder& builder) : Scanned(builder.str()) {}
  Scanned(const Scanned&) = delete;
  Scanned& operator=(const Scanned&) = delete;

  const sip::Message& operator*() const { return message_; }
  const sip::Message* operator->() const { return &message_; }

  // "<a> <b>": the values of all headers of that name.
  [[nodiscard]] std::string values(sip::HeaderId id) const {
    std::string out;
    for (const sip::Header& header : message_.headers()) {
      if (header.id == id) out += (out.empty() ? "" : " ") + std::string(header.value);
    }
    return out;
  }

 private:
  std::string octets_;
  sip::Message message_;
};

class RequestTextTest : public ::testing::Test {
 protected:
  std::string first(Step step, size_t source = 0) {
    return std::string(text.write_first({kCall, step}, source));
  }
  std::string in_dialog(Step step, const Scanned& answer) {
    const auto written = text.write_in_dialog({kCall, step}, 0, *answer);
    return std::string(written.value_or("does not fit"));
  }

  static SipBuilder answer() {
    return SipBuilder::response()
        .to("<sip:u17@198.51.100.1:5060>;tag=s1.x")
        .contact("<sip:s1@198.51.100.7:5071>");
  }

  const SockAddress target = SockAddress::v4(0xC6336401, 5060);
  RequestText text{
      {.target = target,
       .sources = {SockAddress::v4(0xC0000201, 4001), SockAddress::v4(0xC0000202, 4002)},
       .seed = 0x5eed}};
};

TEST_F(RequestTextTest, WritesTheSameOctetsForTheSameCall) {
  const std::string invite = first(Step::Invite);
  EXPECT_NE(first(Step::Options), invite);
  EXPECT_EQ(first(Step::Invite), invite);
}

TEST_F(RequestTextTest, NamesTcpInViaAndContactWhereItGoesByStreams) {
  RequestText streams{{.target = target,
                       .sources = {SockAddress::v4(0xC0000201, 4001)},
                       .transport = sip::Transport::Tcp}};
  const Scanned invite(std::string(streams.write_first({kCall, Step::Invite}, 0)));
  EXPECT_EQ(invite->via.transport, "TCP");
  EXPECT_FALSE(invite->via.has_rport);
  EXPECT_EQ(invite.values(sip::HeaderId::Contact), "<sip:load@192.0.2.1:4001;transport=tcp>");
}

TEST_F(RequestTextTest, WritesAnInviteFromItsSourceToItsTarget) {
  const Scanned invite(first(Step::Invite, 1));
  EXPECT_EQ(invite->method, sip::Method::Invite);
  EXPECT_EQ(invite->request_uri, "sip:u17@198.51.100.1:5060");
  EXPECT_EQ(invite->to.uri, "sip:u17@198.51.100.1:5060");
  EXPECT_EQ(invite->to_tag, "");
  EXPECT_EQ(invite->cseq, 1U);
  EXPECT_EQ(invite->call_id, "00005eed-17@siplb-load");
  EXPECT_EQ(invite->via.effective_port(), 4002);
  EXPECT_TRUE(invite->via.has_rport);
  EXPECT_EQ(invite->via.branch, write_branch({kCall, Step::Invite}, 0x5eed).view());
  EXPECT_EQ(invite.values(sip::HeaderId::Contact), "<sip:load@192.0.2.2:4002>");
  EXPECT_TRUE(invite->body.starts_with("v=0\r\n"));
}

TEST_F(RequestTextTest, CancelsInTheTransactionOfItsInvite) {
  const Scanned invite(first(Step::Invite));
  const Scanned cancel(first(Step::Cancel));
  EXPECT_EQ(cancel->method, sip::Method::Cancel);
  EXPECT_EQ(cancel->request_uri, invite->request_uri);
  EXPECT_EQ(cancel->via.text, invite->via.text);
  EXPECT_EQ(cancel->from.text, invite->from.text);
  EXPECT_EQ(cancel->to.text, invite->to.text);
  EXPECT_EQ(cancel->call_id, invite->call_id);
  EXPECT_EQ(cancel->cseq, invite->cseq);
  EXPECT_EQ(cancel->find(sip::HeaderId::Contact), nullptr);
  EXPECT_EQ(cancel->body, "");
}

TEST_F(RequestTextTest, RegistersAtTheDomainWithoutAUser) {
  const Scanned request(first(Step::Register));
  EXPECT_EQ(request->method, sip::Method::Register);
  EXPECT_EQ(request->request_uri, "sip:198.51.100.1:5060");
  EXPECT_EQ(request->to.uri, "sip:u17@198.51.100.1:5060");
  ASSERT_NE(request->find("Expires"), nullptr);
  EXPECT_EQ(request->body, "");
}

TEST_F(RequestTextTest, AcknowledgesAFailureInTheTransactionOfItsInvite) {
  const Scanned invite(first(Step::Invite));
  const Scanned busy(SipBuilder::response(486).to("<sip:u17@198.51.100.1:5060>;tag=busy"));
  const Scanned ack(std::string(text.write_failure_ack(kCall, 0, *busy).value_or("")));
  EXPECT_EQ(ack->method, sip::Method::Ack);
  EXPECT_EQ(ack->request_uri, invite->request_uri);
  EXPECT_EQ(ack->via.branch, invite->via.branch);
  EXPECT_EQ(ack->call_id, invite->call_id);
  EXPECT_EQ(ack->from_tag, invite->from_tag);
  EXPECT_EQ(ack->to_tag, "busy");
  EXPECT_EQ(ack->cseq, 1U);
}

TEST_F(RequestTextTest, TakesTheDialogFromItsAnswer) {
  const Scanned ok(answer());
  const Scanned ack(in_dialog(Step::Ack, ok));
  const Scanned bye(in_dialog(Step::Bye, ok));
  for (const Scanned* request : {&ack, &bye}) {
    EXPECT_EQ((*request)->request_uri, "sip:s1@198.51.100.7:5071");
    EXPECT_EQ((*request)->to_tag, "s1.x");
    EXPECT_EQ((*request)->find(sip::HeaderId::Route), nullptr);
  }
  EXPECT_EQ(ack->method, sip::Method::Ack);
  EXPECT_EQ(ack->cseq, 1U);
  EXPECT_EQ(bye->method, sip::Method::Bye);
  EXPECT_EQ(bye->cseq, 2U);
  EXPECT_NE(ack->via.branch, bye->via.branch);
}

TEST_F(RequestTextTest, CallsTheFirstTargetWhereTheAnswerHasNoContact) {
  const Scanned bye(in_dialog(Step::Bye, Scanned(answer().remove("Contact"))));
  EXPECT_EQ(bye->request_uri, "sip:u17@198.51.100.1:5060");
}

TEST_F(RequestTextTest, RoutesThroughTheProxiesOfTheAnswerLastOneFirst) {
  const Scanned ok(answer().record_route("<sip:c;lr>, <sip:b;lr>").record_route("<sip:a;lr>"));
  const Scanned bye(in_dialog(Step::Bye, ok));
  EXPECT_EQ(bye.values(sip::HeaderId::Route), "<sip:a;lr> <sip:b;lr> <sip:c;lr>");
}

TEST_F(RequestTextTest, TakesSixteenRoutesAndNotOneMore) {
  const auto with_routes = [](size_t count) {
    SipBuilder ok = answer();
    for (size_t i = 0; i < count; ++i) ok.record_route("<sip:p;lr>");
    return ok;
  };
  EXPECT_NE(in_dialog(Step::Bye, Scanned(with_routes(16))), "does not fit");
  EXPECT_EQ(in_dialog(Step::Bye, Scanned(with_routes(17))), "does not fit");
}

TEST_F(RequestTextTest, WritesWhatFitsToTheLastOctet) {
  const auto with_tag = [](size_t length) {
    return answer().to("<sip:bob@example.com>;tag=" + std::string(length, 't'));
  };
  const size_t room = MessageText::capacity() - in_dialog(Step::Ack, Scanned(with_tag(1))).size();
  EXPECT_EQ(in_dialog(Step::Ack, Scanned(with_tag(1 + room))).size(), MessageText::capacity());
  EXPECT_EQ(in_dialog(Step::Ack, Scanned(with_tag(2 + room))), "does not fit");
  const Scanned busy(with_tag(MessageText::capacity()));
  EXPECT_EQ(text.write_failure_ack(kCall, 0, *busy), std::nullopt);
  EXPECT_EQ(Scanned(first(Step::Invite))->method, sip::Method::Invite) << "and recovers";
}

TEST_F(RequestTextTest, FindsTheNextHopOfADialog) {
  const auto hop = [](const SipBuilder& ok) { return RequestText::next_hop(*Scanned(ok)); };
  EXPECT_EQ(hop(answer()), SockAddress::v4(0xC6336407, 5071)) << "the remote target";
  EXPECT_EQ(hop(answer().record_route("<sip:192.0.2.50:5090;lr>, <sip:192.0.2.60;lr>")),
            SockAddress::v4(0xC000023C, 5060))
      << "the first of the route set";
  EXPECT_EQ(hop(answer().contact("<sip:s1@example.com>")), std::nullopt) << "a name";
  EXPECT_EQ(hop(answer().remove("Contact")), std::nullopt);
}

}  // namespace
}  // namespace siplb::load
