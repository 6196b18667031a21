// Requests inside a dialog, decided by RequestPath (in_dialog.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using testing::HasSubstr;
using testing::StartsWith;

class InDialogTest : public LaneTest {
 protected:
  // A call from a client; returns the server and remembers the token.
  SockAddress set_up() {
    const auto sent = relay(from_client(), SipBuilder::request().str());
    const size_t begin = sent.text.find("Record-Route: <sip:") + 19;
    token_ = sent.text.substr(begin, sent.text.find('@', begin) - begin);
    return sent.to.remote;
  }
  [[nodiscard]] static SipBuilder in_dialog(Method method, std::string_view uri = "sip:10.0.0.1") {
    return SipBuilder::request(method, uri)
        .to("<sip:bob@example.com>;tag=b1")
        .cseq("2 " + std::string(sip::method_name(method)));
  }
  [[nodiscard]] SipBuilder by_token(Method method) const {
    auto request = in_dialog(method);
    request.route("<sip:" + token_ + "@10.0.1.1;lr>");
    return request;
  }

  std::string token_;
};

TEST_F(InDialogTest, TheInitiatorReachesTheServerByTokenFromAnyAddress) {
  const SockAddress server = set_up();
  EXPECT_EQ(relay(from_client("198.51.100.9:9"), by_token(Method::Bye).str()).to.remote, server);
}

TEST_F(InDialogTest, TheOtherEndReachesTheInitiator) {
  const SockAddress server = set_up();
  auto bye = by_token(Method::Bye);
  bye.from("<sip:bob@example.com>;tag=b1").to("<sip:alice@example.com>;tag=a1");
  const auto sent = relay({.remote = server, .listener = kInside}, bye.str());
  EXPECT_EQ(sent.to, from_client());
}

TEST_F(InDialogTest, ARequestUriInsideTheGroupIsFollowedAndAnyOtherIsNot) {
  const SockAddress server = set_up();
  auto bye = by_token(Method::Bye);
  EXPECT_EQ(relay(from_client(), bye.start_line("BYE sip:x@10.0.2.2:5099 SIP/2.0").str()).to.remote,
            address_of("10.0.2.2:5099"));
  for (const std::string_view elsewhere :
       {"sip:x@198.51.100.1", "sip:x@10.0.3.1", "sip:x@10.0.2.1;transport=tcp", "tel:+1"}) {
    bye.start_line("BYE " + std::string(elsewhere) + " SIP/2.0");
    EXPECT_EQ(relay(from_client(), bye.str()).to.remote, server) << elsewhere;
  }
}

// A third Route of ours is not popped; that it is no way back to ourselves keeps one datagram one.
TEST_F(InDialogTest, NothingLeadsBackToUs) {
  auto input = two_groups();
  input.groups[kPbx].servers = {{.name = "here", .address = address_of("10.0.0.1:5070")}};
  snapshot_ = test::make_snapshot(input);
  const SockAddress server = set_up();
  auto bye = by_token(Method::Bye);
  for (int i = 0; i < 5; ++i) bye.route("<sip:" + token_ + "@10.0.0.1;lr>");
  EXPECT_EQ(relay(from_client(), bye.str()).to.remote, server);
}

TEST_F(InDialogTest, AnAckFollowsTheRouteThatItsServerPutThere) {
  auto ack = in_dialog(Method::Ack);
  ack.route("<sip:10.0.3.2;lr>");
  EXPECT_EQ(relay(from_server("10.0.2.1:5060"), ack.str()).to.remote, address_of("10.0.3.2:5060"));
}

TEST_F(InDialogTest, TargetRefreshesCarryTheSameToken) {
  set_up();
  EXPECT_THAT(relay(from_client(), by_token(Method::Invite).str()).text,
              HasSubstr("Record-Route: <sip:" + token_ + "@"));
  EXPECT_THAT(relay(from_client(), by_token(Method::Info).str()).text,
              Not(HasSubstr("Record-Route")));
}

TEST_F(InDialogTest, WithoutATokenTheAffinityEntryDecides) {
  const SockAddress server = set_up();
  EXPECT_EQ(relay(from_client(), in_dialog(Method::Bye).str()).to.remote, server);
}

TEST_F(InDialogTest, WithoutATokenARouteToElsewhereIsRefused) {
  set_up();
  auto bye = in_dialog(Method::Bye);
  EXPECT_THAT(relay(from_client(), bye.route("<sip:198.51.100.1;lr>").str()).text,
              StartsWith("SIP/2.0 403 "));
}

TEST_F(InDialogTest, AServerWithoutATokenIsTold481) {
  EXPECT_THAT(relay(from_server("10.0.2.1:5060"), in_dialog(Method::Bye).str()).text,
              StartsWith("SIP/2.0 481 "));
}

TEST_F(InDialogTest, AnAckThatCannotBeRoutedIsDroppedAndNeverAnswered) {
  EXPECT_TRUE(deliver(from_server("10.0.2.1:5060"), in_dialog(Method::Ack).str()).empty());
  EXPECT_EQ(counters_.dropped[DropReason::AckRefused].value(), 1U);
}

}  // namespace
}  // namespace siplb::proxy
