#include "proxy/dialog_token.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;

class DialogTokenTest : public LaneTest {
 protected:
  // The token of a request from `source` to server s1.
  sip::TokenText token_of(Method method, const transport::Flow& source) {
    const sip::Message& message = scanned(SipBuilder::request(method).str());
    CounterArray<sip::SealFault> rejected;
    const Request request = read_request(
        snapshot_, {message, source, kTick, snapshot_.seal.branch_hash(message)}, rejected);
    return dialog_token(snapshot_, request, snapshot_.topology.servers()[0]);
  }
  sip::Token open(const sip::TokenText& text) {
    sip::Token token;
    EXPECT_EQ(snapshot_.seal.open_token(text, "call-1@example.net", kTick.today, token),
              sip::SealFault::None);
    return token;
  }
};

TEST_F(DialogTokenTest, IsForRequestsThatMayOpenADialogOnly) {
  for (const Method method : {Method::Invite, Method::Subscribe, Method::Refer, Method::Notify}) {
    EXPECT_FALSE(token_of(method, from_client()).empty()) << sip::method_name(method);
  }
  for (const Method method : {Method::Options, Method::Register, Method::Message, Method::Publish,
                              Method::Bye, Method::Cancel, Method::Ack}) {
    EXPECT_TRUE(token_of(method, from_client()).empty()) << sip::method_name(method);
  }
}

TEST_F(DialogTokenTest, NamesTheFlowOfAClientAndTheServer) {
  const sip::Token token = open(token_of(Method::Invite, from_client("192.0.2.7:4444")));
  EXPECT_FALSE(token.initiator.is_server);
  EXPECT_EQ(token.initiator.address, address_of("192.0.2.7:4444"));
  EXPECT_EQ(token.initiator.listener, snapshot_.sides[kPublic].hash);
  EXPECT_TRUE(token.responder.is_server);
  EXPECT_EQ(token.responder.server_id, snapshot_.topology.servers()[0].id);
  EXPECT_EQ(token.responder.address, address_of("10.0.2.1:5060"));
  EXPECT_EQ(token.from_tag_hash, snapshot_.seal.tag_hash("a1"));
  EXPECT_EQ(token.issue_day, kTick.today);
}

TEST_F(DialogTokenTest, NamesTwoServers) {
  const sip::Token token = open(token_of(Method::Invite, from_server("10.0.3.1:5060")));
  EXPECT_TRUE(token.initiator.is_server);
  EXPECT_EQ(token.initiator.address, address_of("10.0.3.1:5060"));
  EXPECT_TRUE(token.responder.is_server);
}

TEST_F(DialogTokenTest, IsNotMadeWhereTheGroupWantsNoRecordRoute) {
  auto input = two_groups();
  input.groups[kPbx].record_route = false;
  configure(input);
  EXPECT_TRUE(token_of(Method::Invite, from_client()).empty());
}

}  // namespace
}  // namespace siplb::proxy
