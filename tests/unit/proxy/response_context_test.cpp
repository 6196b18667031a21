#include "proxy/response_context.h"

#include <vector>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

using sip::Method;
using transaction::Hop;

constexpr Instant kNow{std::chrono::hours(1)};

// RFC 3261, 16.7, step 6: each rung is better than all below it.
const std::vector<std::vector<uint16_t>> kLadder = {
    {600, 603, 604, 606, 699},
    {300, 302, 380},
    {401, 407, 415, 420, 484},
    {400, 404, 480, 486, 488},
    {408, 487},
    {500, 501, 504, 513},
    {503},
};

TEST(IsBetterTest, ClimbsTheLadder) {
  for (size_t upper = 0; upper < kLadder.size(); ++upper) {
    for (size_t lower = upper; lower < kLadder.size(); ++lower) {
      for (const uint16_t better : kLadder[upper]) {
        for (const uint16_t worse : kLadder[lower]) {
          EXPECT_EQ(is_better(better, worse), upper < lower) << better << " over " << worse;
          EXPECT_FALSE(is_better(worse, better)) << worse << " over " << better;
        }
      }
    }
  }
}

TEST(IsBetterTest, AnyIsBetterThanNone) {
  for (const auto& rung : kLadder) {
    for (const uint16_t code : rung) EXPECT_TRUE(is_better(code, 0)) << code;
  }
}

class ResponseContextTest : public testing::Test {
 protected:
  Attempt& add_invite(uint16_t status = 0) {
    context_.method = Method::Invite;
    Attempt& attempt = context_.attempts[context_.attempt_count++];
    attempt.invite = transaction::InviteClient(Hop::Datagram, kNow);
    if (status != 0) static_cast<void>(attempt.invite.on_response(status));
    return attempt;
  }

  ResponseContext context_;
};

TEST_F(ResponseContextTest, NothingIsOpenBeforeTheFirstAttempt) {
  EXPECT_FALSE(context_.is_any_pending());
  EXPECT_FALSE(context_.is_answer_open());
}

TEST_F(ResponseContextTest, WhoIsGivenUpForItsSilenceIsPendingButNotWaitedFor) {
  add_invite().is_given_up = true;
  EXPECT_TRUE(context_.is_any_pending());
  EXPECT_FALSE(context_.is_answer_open());
}

TEST_F(ResponseContextTest, WhoRingsIsWaitedForAlsoWhenItIsGivenUp) {
  add_invite(180).is_given_up = true;
  add_invite(486);
  EXPECT_TRUE(context_.is_answer_open());
}

TEST_F(ResponseContextTest, NobodyIsPendingOnceEachHasAnsweredOrTimedOut) {
  add_invite(486);
  add_invite().invite.on_transport_error();
  EXPECT_FALSE(context_.is_any_pending());
  EXPECT_FALSE(context_.is_answer_open());
}

TEST_F(ResponseContextTest, AsksTheMachineThatTheMethodHas) {
  context_.method = Method::Options;
  context_.attempt_count = 1;
  Attempt& attempt = context_.current();
  attempt.other = transaction::NonInviteClient(Hop::Datagram, kNow);
  EXPECT_TRUE(context_.is_waiting(attempt));
  static_cast<void>(attempt.other.on_response(100));
  EXPECT_FALSE(context_.is_waiting(attempt));
  EXPECT_TRUE(context_.is_pending(attempt));
}

TEST_F(ResponseContextTest, AFinalThatCanBeRepeatedIsOwedUntilItsAck) {
  add_invite(486);
  EXPECT_FALSE(context_.is_upstream_done());
  context_.invite = transaction::InviteServer(Hop::Datagram, kNow);
  context_.invite.on_final(486, kNow);
  context_.is_final_sent = true;
  context_.kept.emplace();
  EXPECT_FALSE(context_.is_upstream_done());
  EXPECT_TRUE(context_.invite.on_ack());
  EXPECT_TRUE(context_.is_upstream_done());
}

TEST_F(ResponseContextTest, AFinalThatWasNotKeptIsNotOwedAgain) {
  add_invite(486);
  context_.invite = transaction::InviteServer(Hop::Datagram, kNow);
  context_.invite.on_final(486, kNow);
  context_.is_final_sent = true;
  EXPECT_TRUE(context_.is_upstream_done());
}

TEST_F(ResponseContextTest, ABranchOfOurOwnOwesNobodyAnything) {
  context_.has_no_client = true;
  EXPECT_TRUE(context_.is_upstream_done());
}

}  // namespace
}  // namespace siplb::proxy
