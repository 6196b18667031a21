#include "load/deliveries.h"

#include <string>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using siplb::test::SipBuilder;

class DeliveriesTest : public ::testing::Test {
 protected:
  struct Asked {
    sip::Method method = sip::Method::Invite;
    std::string branch = "z9hG4bKa1";
    std::string call_id = "a-call";
    std::string cseq = "1";
  };

  Delivery deliver(const Asked& asked, size_t server = 0) {
    scan(asked);
    return deliveries.on_request(message, server);
  }
  void ring(const std::string& call_id, size_t server) {
    scan({.call_id = call_id});
    deliveries.on_ringing(Deliveries::call_of(message), server);
  }
  uint64_t transaction_of(const Asked& asked) {
    scan(asked);
    return Deliveries::transaction_of(message);
  }
  [[nodiscard]] uint64_t twice(sip::Method method) const {
    return deliveries.totals().delivered_twice[static_cast<size_t>(method)];
  }

  Deliveries deliveries{16};

 private:
  void scan(const Asked& asked) {
    const std::string name(sip::method_name(asked.method));
    octets = SipBuilder::request(asked.method)
                 .via("SIP/2.0/UDP 192.0.2.1:5060;branch=" + asked.branch)
                 .call_id(asked.call_id)
                 .cseq(asked.cseq + " " + name)
                 .str();
    ASSERT_EQ(sip::scan(octets, {}, message), sip::ScanStatus::Ok);
  }

  std::string octets;
  sip::Message message;
};

using enum sip::Method;

TEST_F(DeliveriesTest, CountsNothingAtFirst) {
  EXPECT_EQ(deliveries.totals().distinct_invites, 0U);
  EXPECT_EQ(deliveries.totals().calls_seen_twice, 0U);
  EXPECT_EQ(deliveries.totals().delivered_twice, MethodCounts{});
}

TEST_F(DeliveriesTest, KnowsARetransmissionByBranchAndServer) {
  EXPECT_EQ(deliver({.method = Message}), Delivery::First);
  EXPECT_EQ(deliver({.method = Message}), Delivery::Retransmission);
  EXPECT_EQ(twice(Message), 0U);
  EXPECT_EQ(deliver({.method = Message, .branch = "z9hG4bKb1"}), Delivery::First);
  EXPECT_EQ(twice(Message), 1U);
  EXPECT_EQ(deliver({.method = Message}, 1), Delivery::First) << "at another server";
  EXPECT_EQ(twice(Message), 2U);
}

TEST_F(DeliveriesTest, TakesEachRequestOfACallForItself) {
  EXPECT_EQ(deliver({.method = Info}), Delivery::First);
  EXPECT_EQ(deliver({.method = Info, .branch = "z9hG4bKb1", .cseq = "2"}), Delivery::First);
  EXPECT_EQ(deliver({.method = Bye, .branch = "z9hG4bKc1", .cseq = "2"}), Delivery::First);
  EXPECT_EQ(deliver({.method = Info, .branch = "z9hG4bKd1", .call_id = "b"}), Delivery::First);
  EXPECT_EQ(deliveries.totals().delivered_twice, MethodCounts{});
}

TEST_F(DeliveriesTest, LeavesOutWhatEachAttemptOfAnInviteHas) {
  for (const sip::Method method : {Invite, Cancel, Ack}) {
    EXPECT_EQ(deliver({.method = method}), Delivery::First);
    EXPECT_EQ(deliver({.method = method, .branch = "z9hG4bKa2"}, 1), Delivery::First);
  }
  EXPECT_EQ(deliveries.totals().delivered_twice, MethodCounts{});
}

TEST_F(DeliveriesTest, TakesAttemptsOfOneProxyForOneInvite) {
  static_cast<void>(deliver({}));
  static_cast<void>(deliver({.branch = "z9hG4bKa2"}, 1));
  EXPECT_EQ(deliveries.totals().distinct_invites, 1U);
  static_cast<void>(deliver({.branch = "z9hG4bKb1"}, 1));
  EXPECT_EQ(deliveries.totals().distinct_invites, 2U);
  static_cast<void>(deliver({.call_id = "b"}));
  EXPECT_EQ(deliveries.totals().distinct_invites, 3U);
}

TEST_F(DeliveriesTest, CountsACallOnceHoweverManyServersRing) {
  ring("a", 0);
  ring("a", 0);
  ring("b", 1);
  EXPECT_EQ(deliveries.totals().calls_seen_twice, 0U);
  for (size_t server = 0; server < 3; ++server) ring("a", server);
  EXPECT_EQ(deliveries.totals().calls_seen_twice, 1U);
}

TEST_F(DeliveriesTest, GivesInviteCancelAndAckOneTransaction) {
  EXPECT_EQ(transaction_of({.method = Cancel}), transaction_of({}));
  EXPECT_EQ(transaction_of({.method = Ack}), transaction_of({}));
  EXPECT_NE(transaction_of({.branch = "z9hG4bKa2"}), transaction_of({}));
  EXPECT_NE(transaction_of({.cseq = "2"}), transaction_of({})) << "a branch of RFC 2543";
}

TEST_F(DeliveriesTest, ForgetsTheOldestWhenFullAndKeepsTheRest) {
  const auto call = [](int i) { return Asked{.method = Ack, .call_id = std::to_string(i)}; };
  for (int i = 0; i < 16; ++i) EXPECT_EQ(deliver(call(i)), Delivery::First);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(deliver(call(i)), Delivery::Retransmission);
  EXPECT_EQ(deliver(call(16)), Delivery::First);
  for (int i = 1; i <= 16; ++i) EXPECT_EQ(deliver(call(i)), Delivery::Retransmission);
  EXPECT_EQ(deliver(call(0)), Delivery::First) << "forgotten";
  for (int i = 100; i < 1000; ++i) {
    EXPECT_EQ(deliver(call(i)), Delivery::First);
    EXPECT_EQ(deliver(call(i)), Delivery::Retransmission);
  }
}

}  // namespace
}  // namespace siplb::load
