#include "load/answerer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_network.h"
#include "load/server_name.h"
#include "support/sip_builder.h"

namespace siplb::load::test {
namespace {

using siplb::test::SipBuilder;
using ::testing::HasSubstr;

// Only the servers: what a test injects comes from a client of its own.
class AnswererTest : public ::testing::Test {
 protected:
  AnswererTest() { rig.caller_options.pace.duration = 1ns; }

  void start() {
    rig.start();
    rig.caller->stop();
  }

  void send(const SipBuilder& message, size_t server = 0) {
    if (!rig.caller) start();
    rig.inject({client, LoadRig::server_address(server), message.str()});
    rig.run_until(rig.now);
  }
  void send(const SipBuilder& message, Duration wait) {
    send(message);
    rig.run_until(rig.now + wait);
  }

  // What the servers have sent, in order: "180 200".
  [[nodiscard]] std::string answers() const {
    std::string out;
    for (const Letter& letter : rig.log) {
      if (letter.from != client) out += (out.empty() ? "" : " ") + letter.kind();
    }
    return out;
  }
  [[nodiscard]] const Letter& last() const { return rig.log.back(); }

  static SipBuilder in_dialog(sip::Method method, std::string_view server) {
    const std::string call_id = "a-call";
    SipBuilder request = SipBuilder::request(method);
    request.call_id(call_id);
    request.to("<sip:bob@example.com>;tag=" + std::string(write_tag(server, call_id).view()));
    return request;
  }

  static SipBuilder with_call_id(sip::Method method) {
    SipBuilder request = SipBuilder::request(method);
    request.call_id("a-call");
    return request;
  }

  static constexpr std::string_view kOtherVia =
      "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKother";

  const SockAddress client = SockAddress::v4(0xC0000201, 5060);
  LoadRig rig;
};

TEST_F(AnswererTest, NamesItsServerInTagContactAndHeader) {
  send(with_call_id(sip::Method::Invite).record_route("<sip:edge;lr>"));
  EXPECT_EQ(answers(), "180 200");
  EXPECT_THAT(last().octets, HasSubstr(";tag=" + std::string(write_tag("s1", "a-call").view())));
  EXPECT_THAT(last().octets, HasSubstr("Contact: <sip:s1@198.51.100.1:5061>\r\n"));
  EXPECT_THAT(last().octets, HasSubstr("Server: siplb-load/s1\r\n"));
  EXPECT_THAT(last().octets, HasSubstr("Record-Route: <sip:edge;lr>\r\n"));
}

TEST_F(AnswererTest, AnswersEveryMethodWithoutState) {
  using enum sip::Method;
  for (const sip::Method method : {Options, Register, Message, Subscribe, Info, Other}) {
    send(SipBuilder::request(method));
    EXPECT_EQ(last().kind(), "200") << sip::method_name(method);
  }
  EXPECT_EQ(rig.server_stats().requests, 6U);
}

TEST_F(AnswererTest, LeavesOutRingingWhenOff) {
  rig.answerer_options.ring.reset();
  send(SipBuilder::request());
  EXPECT_EQ(answers(), "200");
}

TEST_F(AnswererTest, RingsForAsLongAsAsked) {
  rig.answerer_options.ring = 2s;
  send(SipBuilder::request(), 1999ms);
  EXPECT_EQ(answers(), "180");
  rig.run_until(rig.now + 2s);
  EXPECT_THAT(answers(), ::testing::StartsWith("180 200"));
}

TEST_F(AnswererTest, RepeatsA200UntilItsAckComes) {
  send(with_call_id(sip::Method::Invite), 5s);
  EXPECT_EQ(answers(), "180 200 200 200 200");  // After 0.5, 1.5 and 3.5 s.
  send(in_dialog(sip::Method::Ack, "s1"), 60s);
  EXPECT_EQ(answers(), "180 200 200 200 200");
  EXPECT_EQ(rig.server_stats().retransmissions, 3U);
  EXPECT_EQ(rig.server_stats().acks, 1U);
}

TEST_F(AnswererTest, GivesUpA200WithoutAckAfterSixtyFourT1) {
  const Instant start = rig.now;
  send(SipBuilder::request(), 60s);
  EXPECT_EQ(rig.server_stats().unacknowledged, 1U);
  EXPECT_EQ(rig.now - start, 32s);
}

TEST_F(AnswererTest, StopsRepeatingWhenTheCallerHangsUp) {
  send(with_call_id(sip::Method::Invite));
  send(in_dialog(sip::Method::Bye, "s1").cseq("2 BYE"), 60s);
  EXPECT_EQ(answers(), "180 200 200");
  EXPECT_EQ(rig.server_stats().retransmissions, 0U);
}

TEST_F(AnswererTest, AnswersARepeatedInviteAsBefore) {
  rig.answerer_options.ring = 1s;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Invite));
  EXPECT_EQ(answers(), "180 180");
  rig.run_until(rig.now + 1s);
  send(with_call_id(sip::Method::Invite));
  EXPECT_EQ(answers(), "180 180 200 200");
  EXPECT_EQ(rig.server_stats().calls, 1U);
  EXPECT_EQ(rig.server_stats().repeated, 2U);
}

TEST_F(AnswererTest, TakesANewInviteOfTheDialogForNoRepetition) {
  send(with_call_id(sip::Method::Invite));
  send(in_dialog(sip::Method::Invite, "s1").cseq("2 INVITE"));
  EXPECT_EQ(answers(), "180 200 180 200");
  EXPECT_EQ(rig.server_stats().repeated, 0U);
}

TEST_F(AnswererTest, EndsARingingCallOnCancel) {
  rig.answerer_options.ring = 30s;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Cancel).cseq("1 CANCEL"));
  EXPECT_EQ(answers(), "180 200 487");
  EXPECT_THAT(last().octets, HasSubstr("CSeq: 1 INVITE"));
  send(in_dialog(sip::Method::Ack, "s1"), 60s);
  EXPECT_EQ(answers(), "180 200 487");
}

TEST_F(AnswererTest, RepeatsARejectionUntilItsOwnAckComes) {
  rig.answerer_options.servers[0].faults.reject = 1;
  send(with_call_id(sip::Method::Invite), 2s);
  EXPECT_EQ(answers(), "503 503 503");  // After 0.5 and 1.5 s.
  SipBuilder ack = with_call_id(sip::Method::Ack);
  send(SipBuilder(ack).via(kOtherVia), 2s);
  EXPECT_EQ(answers(), "503 503 503 503") << "the ACK of another transaction";
  send(ack, 60s);
  EXPECT_EQ(answers(), "503 503 503 503");
  EXPECT_EQ(rig.server_stats().rejected, 1U);
  EXPECT_EQ(rig.server_stats().unacknowledged, 0U);
}

TEST_F(AnswererTest, AbsorbsAnInviteThatComesAgainBehindItsAck) {
  send(with_call_id(sip::Method::Invite));
  send(in_dialog(sip::Method::Ack, "s1").via(kOtherVia));
  send(with_call_id(sip::Method::Invite), 60s);
  EXPECT_EQ(answers(), "180 200");
  EXPECT_EQ(rig.server_stats().calls, 1U);
  EXPECT_EQ(rig.server_stats().repeated, 1U);
}

TEST_F(AnswererTest, TakesNoAckOfAnotherCSeqForThatOfItsAnswer) {
  send(with_call_id(sip::Method::Invite));
  send(in_dialog(sip::Method::Ack, "s1").via(kOtherVia).cseq("7 ACK"), 600ms);
  EXPECT_EQ(answers(), "180 200 200");
}

TEST_F(AnswererTest, RefusesASecondPathOfTheSameInvite) {
  rig.answerer_options.ring = 30s;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Invite).via(kOtherVia));
  EXPECT_EQ(answers(), "180 482");
  EXPECT_EQ(rig.server_stats().merged, 1U);
  EXPECT_EQ(rig.server_stats().calls, 1U);
  EXPECT_EQ(rig.server_stats().repeated, 0U);
}

TEST_F(AnswererTest, RepeatsTheRefusalOfAMisroutedInviteUntilItsAck) {
  rig.set_servers(2);
  send(in_dialog(sip::Method::Invite, "s1"), 1);
  rig.run_until(rig.now + 600ms);
  EXPECT_EQ(answers(), "481 481");
  send(in_dialog(sip::Method::Ack, "s1"), 1);
  rig.run_until(rig.now + 60s);
  EXPECT_EQ(answers(), "481 481");
  EXPECT_EQ(rig.server_stats(1).misroutes, 1U) << "the ACK to a refusal is where it belongs";
}

TEST_F(AnswererTest, CountsACancelThatComesAgainAndAnswersItAgain) {
  rig.answerer_options.ring = 30s;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Cancel).cseq("1 CANCEL"));
  send(with_call_id(sip::Method::Cancel).cseq("1 CANCEL"));
  EXPECT_EQ(answers(), "180 200 487 200");
  EXPECT_EQ(rig.server_stats().cancelled, 1U);
  EXPECT_EQ(rig.server_stats().repeated, 1U);
  EXPECT_EQ(rig.server_stats().methods[static_cast<size_t>(sip::Method::Cancel)], 2U);
}

TEST_F(AnswererTest, CancelsOnlyTheTransactionOfTheCancel) {
  rig.answerer_options.ring = 30s;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Cancel).cseq("1 CANCEL").via(kOtherVia));
  EXPECT_EQ(answers(), "180 481");
  EXPECT_EQ(rig.server_stats().cancelled, 0U);
}

TEST_F(AnswererTest, CancelsNothingThatIsAnsweredOrUnknown) {
  send(with_call_id(sip::Method::Cancel));
  EXPECT_EQ(answers(), "481");
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Cancel));
  EXPECT_EQ(answers(), "481 180 200 200");
}

TEST_F(AnswererTest, RefusesRequestsOfAnotherServersDialog) {
  rig.set_servers(2);
  send(in_dialog(sip::Method::Bye, "s1"), 1);
  EXPECT_EQ(answers(), "481");
  send(in_dialog(sip::Method::Ack, "s1"), 1);
  EXPECT_EQ(answers(), "481") << "an ACK is never answered";
  EXPECT_EQ(rig.server_stats(1).misroutes, 2U);
  EXPECT_EQ(rig.server_stats(0).misroutes, 0U);
}

TEST_F(AnswererTest, RefusesDialogsOfNobodyWithoutBlame) {
  send(SipBuilder::request(sip::Method::Bye).to("<sip:bob@example.com>;tag=foreign"));
  EXPECT_EQ(answers(), "481");
  EXPECT_EQ(rig.server_stats().unknown_dialogs, 1U);
  EXPECT_EQ(rig.server_stats().misroutes, 0U);
}

TEST_F(AnswererTest, KeepsServersApartThatShareACallId) {
  rig.set_servers(2);
  send(with_call_id(sip::Method::Invite), 0);
  send(with_call_id(sip::Method::Invite), 1);
  EXPECT_EQ(rig.server_stats(0).calls, 1U);
  EXPECT_EQ(rig.server_stats(1).calls, 1U);
}

TEST_F(AnswererTest, AnswersToThePortOfTheViaUnlessAskedForRport) {
  send(SipBuilder::request(sip::Method::Options).via("SIP/2.0/UDP 192.0.2.1:7000;branch=z9hG4bK1"));
  EXPECT_EQ(last().to.port(), 7000);
  send(SipBuilder::request(sip::Method::Options)
           .via("SIP/2.0/UDP 192.0.2.1:7000;branch=z9hG4bK1;rport"));
  EXPECT_EQ(last().to, client);
}

TEST_F(AnswererTest, SaysNothingWhenSilent) {
  rig.answerer_options.servers[0].faults.silent = true;
  send(SipBuilder::request(), 60s);
  EXPECT_EQ(answers(), "");
  EXPECT_EQ(rig.server_stats().dropped, 1U);
}

TEST_F(AnswererTest, LosesTheShareItIsToldTo) {
  rig.answerer_options.servers[0].faults.drop = 0.25;
  for (int i = 0; i < 1000; ++i) send(SipBuilder::request(sip::Method::Options));
  EXPECT_NEAR(static_cast<double>(rig.server_stats().dropped), 250, 50);
}

TEST_F(AnswererTest, RejectsTheShareOfCallsItIsToldTo) {
  rig.answerer_options.servers[0].faults.reject = 1;
  send(SipBuilder::request());
  send(SipBuilder::request(sip::Method::Options));
  EXPECT_EQ(answers(), "503 200");
  EXPECT_EQ(rig.server_stats().rejected, 1U);
}

TEST_F(AnswererTest, DelaysEveryAnswerOnceHoweverOftenItIsAsked) {
  rig.answerer_options.servers[0].faults.delay = 1500ms;
  rig.answerer_options.servers[0].faults.no_trying = true;
  send(with_call_id(sip::Method::Invite), 500ms);
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Options));
  send(with_call_id(sip::Method::Options));
  EXPECT_EQ(answers(), "");
  const Instant start = rig.now;
  rig.run_until(start + 1400ms);
  EXPECT_EQ(answers(), "180 200");
  rig.run_until(start + 1500ms);
  EXPECT_EQ(answers(), "180 200 200 200") << "the 200 to OPTIONS and a repeated 200";
  EXPECT_EQ(rig.server_stats().repeated, 2U);
}

TEST_F(AnswererTest, SaysThatItTriesWhereItsAnswerTakesLonger) {
  rig.answerer_options.servers[0].faults.delay = 1500ms;
  send(with_call_id(sip::Method::Invite), 199ms);
  EXPECT_EQ(answers(), "");
  rig.run_until(rig.now + 2ms);
  EXPECT_EQ(answers(), "100");
  send(with_call_id(sip::Method::Invite));
  EXPECT_EQ(answers(), "100 100");
  send(with_call_id(sip::Method::Options), 1s);
  EXPECT_EQ(answers(), "100 100") << "no 100 to anything else";
  rig.run_until(rig.now + 300ms);
  EXPECT_EQ(answers(), "100 100 180 200");
}

TEST_F(AnswererTest, AnswersWithoutTryingWhereThatIsSoonEnough) {
  rig.answerer_options.servers[0].faults.delay = 200ms;
  send(with_call_id(sip::Method::Invite), 200ms);
  EXPECT_EQ(answers(), "180 200");
}

TEST_F(AnswererTest, IsAsLateWithTheAnswersOfACancel) {
  ASSERT_TRUE(apply_fault("late=1s", rig.answerer_options.servers[0].faults));
  rig.answerer_options.ring = 30s;
  send(with_call_id(sip::Method::Invite), 600ms);
  const SipBuilder cancel = with_call_id(sip::Method::Cancel).cseq("1 CANCEL");
  send(cancel, 500ms);
  send(cancel);
  EXPECT_EQ(answers(), "") << "the call was cancelled before it rang";
  rig.run_until(rig.now + 510ms);
  EXPECT_EQ(answers(), "200 487");
  rig.run_until(rig.now + 480ms);
  EXPECT_EQ(answers(), "200 487") << "nothing is answered twice";
  EXPECT_EQ(rig.answerer->totals().calls_seen_twice, 0U);
}

TEST_F(AnswererTest, SendsEachAnswerTwiceWhereThatIsItsFault) {
  rig.answerer_options.servers[0].faults.duplicate = true;
  send(with_call_id(sip::Method::Invite));
  send(with_call_id(sip::Method::Options));
  EXPECT_EQ(answers(), "180 180 200 200 200 200");
  EXPECT_EQ(rig.server_stats().retransmissions, 0U);
}

TEST_F(AnswererTest, RingsForAsLongAsTheServerItself) {
  rig.set_servers(2);
  rig.answerer_options.servers[1].faults.ring = 5s;
  send(with_call_id(sip::Method::Invite), 0);
  send(with_call_id(sip::Method::Invite), 1);
  EXPECT_EQ(answers(), "180 200 180");
}

TEST_F(AnswererTest, SeesACallThatTwoServersRangFor) {
  rig.set_servers(2);
  send(with_call_id(sip::Method::Invite), 0);
  EXPECT_EQ(rig.answerer->totals().calls_seen_twice, 0U);
  send(with_call_id(sip::Method::Invite).via(kOtherVia), 1);
  EXPECT_EQ(rig.answerer->totals().calls_seen_twice, 1U);
}

TEST_F(AnswererTest, SeesNoSecondCallWhereTheFirstServerDidNotRing) {
  rig.set_servers(2);
  rig.answerer_options.servers[0].faults.reject = 1;
  send(with_call_id(sip::Method::Invite), 0);
  send(with_call_id(sip::Method::Invite).via(kOtherVia), 1);
  EXPECT_EQ(rig.answerer->totals().calls_seen_twice, 0U);
  EXPECT_EQ(rig.answerer->totals().distinct_invites, 2U);
}

TEST_F(AnswererTest, RemembersNothingOfWhatItLost) {
  rig.set_servers(2);
  rig.answerer_options.servers[0].faults.silent = true;
  send(SipBuilder::request(sip::Method::Message), 0);
  send(SipBuilder::request(sip::Method::Message).via(kOtherVia), 1);
  EXPECT_EQ(rig.answerer->totals().delivered_twice, MethodCounts{});
  EXPECT_EQ(rig.server_stats(0).methods, MethodCounts{});
}

TEST_F(AnswererTest, RejectsCallsAboveItsCapacity) {
  rig.answerer_options.servers[0].faults.capacity = 100;
  rig.answerer_options.held_max = 64;
  for (int i = 0; i < 30; ++i) {
    send(SipBuilder::request().call_id("call-" + std::to_string(i)));
  }
  EXPECT_EQ(rig.server_stats().calls, 10U) << "a tenth of a second's worth at once";
  EXPECT_EQ(rig.server_stats().rejected, 20U);
  rig.run_until(rig.now + 100ms);
}

TEST_F(AnswererTest, ServesOneCallAfterTheOtherButOtherRequestsAtOnce) {
  rig.answerer_options.servers[0].faults.service = 150ms;
  for (const char* call : {"call-1", "call-2"}) send(SipBuilder::request().call_id(call));
  send(SipBuilder::request(sip::Method::Options));
  EXPECT_EQ(answers(), "200");
  rig.run_until(rig.now + 149ms);
  EXPECT_EQ(answers(), "200");
  rig.run_until(rig.now + 1ms);
  EXPECT_EQ(answers(), "200 180 200");
  rig.run_until(rig.now + 149ms);
  EXPECT_EQ(answers(), "200 180 200 100");
  rig.run_until(rig.now + 1ms);
  EXPECT_EQ(answers(), "200 180 200 100 180 200");

  rig.run_until(rig.now + 100ms);  // idle: the next one is served at once
  send(SipBuilder::request().call_id("call-3"), 150ms);
  EXPECT_THAT(answers(), ::testing::StartsWith("200 180 200 100 180 200 180 200"));
}

TEST_F(AnswererTest, RejectsCallsThatItCannotHold) {
  rig.answerer_options.held_max = 2;
  for (int i = 0; i < 3; ++i) send(SipBuilder::request().call_id("call-" + std::to_string(i)));
  EXPECT_EQ(answers(), "180 200 180 200 503");
  EXPECT_EQ(rig.server_stats().rejected, 1U);
}

TEST_F(AnswererTest, CountsWhatItCannotReadOrAnswer) {
  start();
  rig.inject({client, LoadRig::server_address(0), "noise"});
  rig.inject({client, LoadRig::server_address(0), "\r\n\r\n"});
  rig.run_until(rig.now);
  EXPECT_EQ(rig.server_stats().strays, 1U) << "a keep-alive is no fault";
  send(SipBuilder::response());
  send(SipBuilder::request().from("<sip:" + std::string(3000, 'a') + "@example.com>;tag=1"));
  EXPECT_EQ(rig.server_stats().strays, 3U);
  EXPECT_EQ(answers(), "");
}

TEST_F(AnswererTest, CountsAnswersThatTheWireRefuses) {
  rig.wire_status = transport::SendStatus::NoSlot;
  send(SipBuilder::request(sip::Method::Options));
  EXPECT_EQ(rig.server_stats().refused_sends, 1U);
}

TEST_F(AnswererTest, AnswersAStreamByItsConnectionAndElseAtThePortOfTheVia) {
  rig.use_streams();
  start();
  const transport::ConnectionId connection({.slot = 4, .generation = 7});
  rig.inject({client.with_port(33333), LoadRig::server_address(0),
              SipBuilder::request(sip::Method::Invite)
                  .via("SIP/2.0/TCP 192.0.2.1:5062;rport;branch=z9hG4bK1")
                  .str(),
              connection});
  rig.run_until(rig.now);
  ASSERT_EQ(answers(), "INVITE 180 200");
  EXPECT_EQ(last().connection, connection);
  EXPECT_EQ(last().to, client.with_port(5062));
  EXPECT_THAT(last().octets, HasSubstr(";rport=33333;"));
  EXPECT_THAT(last().octets, HasSubstr("Contact: <sip:s1@198.51.100.1:5061;transport=tcp>\r\n"));
}

TEST_F(AnswererTest, RepeatsOverAStreamOnlyWhatIsAcknowledgedEndToEnd) {
  rig.use_streams();
  rig.set_servers(2);
  rig.answerer_options.servers[1].faults.reject = 1;
  send(SipBuilder::request(), 1);
  rig.run_until(rig.now + 40s);
  EXPECT_EQ(answers(), "503");
  EXPECT_EQ(rig.server_stats(1).unacknowledged, 1U) << "nobody has sent an ACK";
  send(SipBuilder::request(), 1s);
  EXPECT_EQ(answers(), "503 180 200 200");
}

}  // namespace
}  // namespace siplb::load::test
