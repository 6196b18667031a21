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
    return dialog_token(snapshot_, request, to_s1());
  }
  // Of a REGISTER from 192.0.2.1:5060 to server s1, where nothing else is said.
  sip::TokenText path_of(const SipBuilder& builder, const transport::Flow& source = from_client()) {
    const sip::Message& message = scanned(builder.str());
    CounterArray<sip::SealFault> rejected;
    const Request request = read_request(
        snapshot_, {message, source, kTick, snapshot_.seal.branch_hash(message)}, rejected);
    return path_token(snapshot_, request, to_s1());
  }
  static SipBuilder registration() { return SipBuilder::request(Method::Register, "sip:example"); }
  [[nodiscard]] Target to_s1() const {
    return {.server = 0, .to = from_server(snapshot_.topology.servers()[0].address.text())};
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

TEST_F(DialogTokenTest, NamesTheFlowOfAClientThatIsCalled) {
  const sip::Message& message = scanned(SipBuilder::request().str());
  CounterArray<sip::SealFault> rejected;
  const Request request = read_request(
      snapshot_,
      {message, from_server("10.0.2.1:5060"), kTick, snapshot_.seal.branch_hash(message)},
      rejected);
  const Target client{.to = from_client("192.0.2.7:4444")};
  const sip::Token token = open(dialog_token(snapshot_, request, client));
  EXPECT_TRUE(token.initiator.is_server);
  EXPECT_FALSE(token.responder.is_server);
  EXPECT_EQ(token.responder.address, address_of("192.0.2.7:4444"));
  EXPECT_EQ(token.responder.listener, snapshot_.sides[kPublic].hash);

  auto input = two_groups();
  input.groups[kPbx].record_route = false;  // of the caller: the callee has no group
  configure(input);
  EXPECT_TRUE(dialog_token(snapshot_, request, client).empty());
}

TEST_F(DialogTokenTest, NamesTheAddressOfAWildcardThatTheClientMet) {
  transport::Flow source = from_client();
  source.local = address_of("203.0.113.1:0");
  EXPECT_EQ(open(token_of(Method::Invite, source)).initiator.local, source.local);
}

TEST_F(DialogTokenTest, APathNamesTheFlowOfTheClientAndBindsNoCall) {
  const transport::Flow source = from_client("198.51.100.7:4444");
  const sip::TokenText text = path_of(registration(), source);
  sip::Token token;
  ASSERT_EQ(snapshot_.seal.open_token(text, "any call", kTick.today, token), sip::SealFault::None);
  EXPECT_EQ(token.kind, sip::TokenKind::Path);
  EXPECT_FALSE(token.initiator.is_server);
  EXPECT_EQ(token.initiator.address, source.remote);
  EXPECT_EQ(token.initiator.listener, snapshot_.sides[kPublic].hash);
}

TEST_F(DialogTokenTest, APathIsForClientsBehindANatAndForThoseThatAskForIt) {
  struct Case {
    std::string_view description;
    SipBuilder request;
    bool has_path;
  };
  auto nowhere = registration();
  nowhere.via("SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK1");
  const Case cases[] = {
      {"is where it says", registration().contact("<sip:alice@192.0.2.1:5060>"), false},
      {"says Supported", registration().contact("*").add("Supported", "gruu, Path"), true},
      {"says it in short", registration().contact("*").add("k", "path"), true},
      {"supports something else", registration().contact("*").add("Supported", "pathology"), false},
      {"has another address in its Via", nowhere.contact("*"), true},
      {"has another port in its Contact", registration().contact("<sip:alice@192.0.2.1:5070>"),
       true},
      {"has a name in its Contact", registration().contact("<sip:alice@phone.example>"), true},
      {"has a Contact that can't be read", registration().contact("<"), true},
      {"removes all Contacts", registration().contact("*"), false},
      {"has no Contact", registration().remove("Contact"), false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(!path_of(test.request).empty(), test.has_path) << test.description;
  }
}

TEST_F(DialogTokenTest, AServerThatRegistersIsFoundWithoutAPath) {
  auto request = registration();
  request.add("Supported", "path");
  EXPECT_TRUE(path_of(request, from_server("10.0.2.2:5060")).empty());
}

TEST_F(DialogTokenTest, IsNotMadeWhereTheGroupWantsNoRecordRoute) {
  auto input = two_groups();
  input.groups[kPbx].record_route = false;
  configure(input);
  EXPECT_TRUE(token_of(Method::Invite, from_client()).empty());
}

TEST_F(DialogTokenTest, NamesTheConnectionOfAClientOnAStream) {
  const transport::Flow client = over_stream(from_client("192.0.2.7:4444"));
  const sip::Token token = open(token_of(Method::Invite, client));
  EXPECT_EQ(token.initiator.transport, sip::Transport::Tcp);
  EXPECT_EQ(token.initiator.connection, client.connection.number());
  EXPECT_EQ(token.initiator.instance, snapshot_.seal.instance());
  EXPECT_EQ(token.initiator, client_end(snapshot_, client));
}

TEST_F(DialogTokenTest, AClientOnAStreamAlwaysNeedsAPath) {
  auto request = registration().via("SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1");
  request.contact("<sip:alice@192.0.2.1:5060;transport=tcp>");
  EXPECT_FALSE(path_of(request, over_stream(from_client())).empty());
}

}  // namespace
}  // namespace siplb::proxy
