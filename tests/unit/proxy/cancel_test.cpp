// CANCEL outside a dialog, decided by RequestPath (cancel.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using testing::StartsWith;

std::string branch_in(const std::string& text) {
  const size_t begin = text.find("branch=") + 7;
  return text.substr(begin, text.find(';', begin) - begin);
}

class CancelTest : public LaneTest {};

TEST_F(CancelTest, FollowsItsInviteUnderTheSameBranch) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  forget_transactions();
  const auto cancel = relay(from_client(), SipBuilder::request(Method::Cancel).str());
  EXPECT_EQ(cancel.to.remote, invite.to.remote);
  EXPECT_EQ(branch_in(cancel.text), branch_in(invite.text));
}

TEST_F(CancelTest, GoesToTheFirstChoiceWhereNothingIsKnown) {
  const auto cancel = relay(from_client(), SipBuilder::request(Method::Cancel).str());
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_EQ(cancel.to.remote, invite.to.remote);
}

TEST_F(CancelTest, GoesToEveryServerWhereNothingIsKnownAndNothingHashes) {
  const auto sent =
      deliver(from_server("10.0.2.1:5060"), SipBuilder::request(Method::Cancel).str());
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_NE(sent[0].to.remote, sent[1].to.remote);
  EXPECT_EQ(branch_in(sent[0].text), branch_in(sent[1].text));
  EXPECT_EQ(counters_.originated[OriginatedKind::Cancel].value(), 1U);
  EXPECT_EQ(counters_.forwarded.value(), 1U);
}

TEST_F(CancelTest, FollowsTheRouteThatItsServerPutThere) {
  const auto call_by_route = [this](Method method) {
    return relay(from_server("10.0.2.1:5060"),
                 SipBuilder::request(method).route("<sip:10.0.3.2:5090;lr>").str());
  };
  const auto invite = call_by_route(Method::Invite);
  forget_transactions();
  const auto cancel = call_by_route(Method::Cancel);
  EXPECT_EQ(cancel.to.remote, address_of("10.0.3.2:5090"));
  EXPECT_EQ(branch_in(cancel.text), branch_in(invite.text));
}

TEST_F(CancelTest, IsToldThatThereIsNothingToCancelWhereNoRouteTakesIt) {
  EXPECT_THAT(relay(from_server("10.0.3.1:5060"), SipBuilder::request(Method::Cancel).str()).text,
              StartsWith("SIP/2.0 481 "));
}

TEST_F(CancelTest, DoesNotFollowARouteToElsewhere) {
  EXPECT_THAT(
      relay(from_client(), SipBuilder::request(Method::Cancel).route("<sip:198.51.100.1;lr>").str())
          .text,
      StartsWith("SIP/2.0 403 "));
}

}  // namespace
}  // namespace siplb::proxy
