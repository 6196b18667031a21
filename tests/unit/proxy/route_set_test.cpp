#include "proxy/route_set.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class RouteSetTest : public LaneTest {
 protected:
  RouteSetTest() {
    const sip::Token token{.initiator = {.address = address_of("192.0.2.1:5060")},
                           .responder = {.is_server = true,
                                         .server_id = snapshot_.topology.servers()[0].id,
                                         .address = snapshot_.topology.servers()[0].address},
                           .issue_day = kTick.today};
    token_ = snapshot_.seal.seal_token(token, "call-1").view();
  }

  RouteSet read(const SipBuilder& request) {
    return read_route_set(scanned(request.str()), reading_, rejected_);
  }
  static SipBuilder invite() { return SipBuilder::request().call_id("call-1"); }

  RouteReading reading_{
      .sides = snapshot_.sides, .seal = snapshot_.seal, .local = {}, .today = kTick.today};
  std::string token_;
  CounterArray<sip::SealFault> rejected_;
};

TEST_F(RouteSetTest, IsEmptyWithoutRoutes) {
  const RouteSet routes = read(invite());
  EXPECT_FALSE(routes.has_next());
  EXPECT_FALSE(routes.has_token);
  EXPECT_TRUE(routes.popped[0].empty());
}

TEST_F(RouteSetTest, PopsItsOwnHeaderWhole) {
  const RouteSet routes = read(invite().route("<sip:" + token_ + "@10.0.1.1;lr>"));
  EXPECT_TRUE(routes.has_token);
  EXPECT_EQ(routes.token_text, token_);
  EXPECT_EQ(routes.popped[0], "Route: <sip:" + token_ + "@10.0.1.1;lr>\r\n");
  EXPECT_FALSE(routes.has_next());
}

TEST_F(RouteSetTest, PopsOnlyItsOwnValuesOfASharedHeader) {
  const RouteSet routes =
      read(invite().route("<sip:10.0.0.1;lr>, <sip:" + token_ + "@10.0.1.1;lr> , <sip:next;lr>"));
  EXPECT_TRUE(routes.has_token);
  EXPECT_EQ(routes.popped[0], "<sip:10.0.0.1;lr>, <sip:" + token_ + "@10.0.1.1;lr> , ");
  EXPECT_EQ(routes.remaining, "<sip:next;lr>");
  EXPECT_EQ(routes.next.host, "next");
}

TEST_F(RouteSetTest, PopsTwoThatStandInTwoHeaders) {
  const RouteSet routes = read(
      invite().route("<sip:10.0.0.1;lr>").route("<sip:" + token_ + "@10.0.1.1;lr>, <sip:next;lr>"));
  EXPECT_EQ(routes.popped[0], "Route: <sip:10.0.0.1;lr>\r\n");
  EXPECT_EQ(routes.popped[1], "<sip:" + token_ + "@10.0.1.1;lr>, ");
  EXPECT_EQ(routes.next.host, "next");
}

TEST_F(RouteSetTest, PopsNoThird) {
  auto request = invite();
  for (int i = 0; i < 5; ++i) request.route("<sip:10.0.0.1;lr>");
  const RouteSet routes = read(request);
  EXPECT_TRUE(routes.has_next());
  EXPECT_EQ(routes.next.host, "10.0.0.1");
}

TEST_F(RouteSetTest, StopsAtAForeignOneEvenIfOursFollow) {
  const RouteSet routes = read(invite().route("<sip:other;lr>").route("<sip:10.0.0.1;lr>"));
  EXPECT_EQ(routes.remaining, "<sip:other;lr>");
  EXPECT_TRUE(routes.popped[0].empty());
}

TEST_F(RouteSetTest, TakesATokenAtAnotherHostOfOurKind) {
  EXPECT_TRUE(read(invite().route("<sip:" + token_ + "@other-node;lr>")).has_token);
}

TEST_F(RouteSetTest, OfTwoTokensInARowTheLastLeadsOn) {
  const sip::Token second{.initiator = {.address = address_of("192.0.2.9:5060")},
                          .responder = {.is_server = true, .address = address_of("10.0.2.2:5060")},
                          .issue_day = kTick.today};
  const std::string last(snapshot_.seal.seal_token(second, "call-1").view());
  const RouteSet routes =
      read(invite().route("<sip:" + token_ + "@10.0.0.1;lr>, <sip:" + last + "@10.0.0.1;lr>"));
  EXPECT_EQ(routes.token_text, last);
  EXPECT_FALSE(routes.has_next());
}

TEST_F(RouteSetTest, CountsATokenOfAnotherCallAndPopsItOnlyWhereTheHostIsOurs) {
  auto other = SipBuilder::request().call_id("call-2");
  other.route("<sip:" + token_ + "@10.0.1.1;lr>");
  const RouteSet routes = read(other);
  EXPECT_FALSE(routes.has_token);
  EXPECT_FALSE(routes.popped[0].empty());
  EXPECT_EQ(rejected_[sip::SealFault::BadMac].value(), 1U);
}

TEST_F(RouteSetTest, APathIsFollowedForThoseWhoMayAndPoppedForAll) {
  const sip::Token path{.kind = sip::TokenKind::Path,
                        .initiator = {.address = address_of("192.0.2.1:5060")},
                        .responder = {.is_server = true, .address = address_of("10.0.2.1:5060")},
                        .issue_day = kTick.today};
  const std::string text(snapshot_.seal.seal_token(path, "a registration").view());
  const auto request = invite().route("<sip:" + text + "@10.0.1.1;lr;ob>");
  const RouteSet of_client = read(request);
  EXPECT_FALSE(of_client.has_token);
  EXPECT_FALSE(of_client.popped[0].empty());
  EXPECT_EQ(rejected_.sum(), 0U);
  reading_.takes_path_token = true;
  const RouteSet of_server = read(request);
  EXPECT_TRUE(of_server.has_token);
  EXPECT_EQ(of_server.token.kind, sip::TokenKind::Path);
}

TEST_F(RouteSetTest, TheNextMayBeAStrictRouter) {
  EXPECT_TRUE(read(invite().route("<sip:next>")).is_next_strict);
  EXPECT_TRUE(read(invite().route("<sip:next?x=lr>;lr")).is_next_strict);
  EXPECT_FALSE(read(invite().route("<sip:next;lr>")).is_next_strict);
  EXPECT_FALSE(read(invite().route("<sip:next;LR=on>")).is_next_strict);
  EXPECT_FALSE(read(invite().route("nonsense")).is_next_strict);
  EXPECT_FALSE(read(invite().route("<sip:10.0.0.1>")).is_next_strict);  // ours
}

TEST_F(RouteSetTest, TakesOutAStrictRouterWithThoseBeforeIt) {
  const RouteSet shared = read(invite().route("<sip:10.0.0.1;lr>, <sip:next>, <sip:last;lr>"));
  EXPECT_EQ(shared.popped[0], "<sip:10.0.0.1;lr>, <sip:next>, ");
  EXPECT_EQ(shared.next.text, "sip:next");
  // Each in a header of its own: as many regions as there are.
  const RouteSet apart = read(invite()
                                  .route("<sip:10.0.0.1;lr>")
                                  .route("<sip:10.0.1.1;lr>")
                                  .route("<sip:next>")
                                  .route("<sip:last;lr>"));
  EXPECT_EQ(apart.popped[0], "Route: <sip:10.0.0.1;lr>\r\n");
  EXPECT_EQ(apart.popped[1], "Route: <sip:10.0.1.1;lr>\r\n");
  EXPECT_EQ(apart.popped[2], "Route: <sip:next>\r\n");
}

TEST_F(RouteSetTest, EmptyAndUnreadableValuesAreForeign) {
  EXPECT_TRUE(read(invite().route("<sip:>")).has_next());
  auto many_empty = invite();
  for (int i = 0; i < 5; ++i) many_empty.route("");
  EXPECT_TRUE(read(many_empty).popped[0].empty());
}

}  // namespace
}  // namespace siplb::proxy
