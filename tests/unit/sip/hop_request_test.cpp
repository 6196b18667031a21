#include "sip/hop_request.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sip/editor.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using test::SipBuilder;

constexpr std::string_view kOurVia = "SIP/2.0/UDP lb.example.com;branch=z9hG4bKslb1";

Message scanned(std::string_view octets) {
  Message message;
  EXPECT_EQ(scan(octets, {}, message), ScanStatus::Ok) << octets;
  return message;
}

// What the writer gives for a buffer of every size: all of it, or nothing.
template <typename Build>
std::string built(Build&& build) {
  std::array<char, 4096> out;
  const std::string whole(out.data(), build(std::span<char>(out)));
  for (size_t size = 0; size <= whole.size(); ++size) {
    const auto block = std::make_unique<char[]>(size);
    EXPECT_EQ(build(std::span<char>(block.get(), size)), size == whole.size() ? size : 0);
  }
  return whole;
}

std::string hop_request(std::string_view invite, const HopRequest& options) {
  const Message message = scanned(invite);
  return built([&](std::span<char> out) { return build_hop_request(message, options, out); });
}

std::string dialog_request(const std::string& response, const DialogRequest& options) {
  const Message message = scanned(response);
  return built([&](std::span<char> out) { return build_dialog_request(message, options, out); });
}

std::vector<std::string> routes_of(const std::string& request) {
  std::vector<std::string> routes;
  const Message message = scanned(request);
  for (const Header& header : message.headers()) {
    if (header.id == HeaderId::Route) routes.emplace_back(header.value);
  }
  return routes;
}

// `part` where it stands in `text`.
std::string_view within(const std::string& text, std::string_view part) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return std::string_view(text).substr(at, part.size());
}

TEST(HopRequestTest, AckRepeatsTheInviteWithTheToOfTheResponse) {
  const std::string invite = SipBuilder::request(Method::Invite, "sip:bob@192.0.2.9:5070;x=1")
                                 .add("Via", "SIP/2.0/TCP 10.0.0.7;branch=z9hG4bKb")
                                 .max_forwards("12")
                                 .route("<sip:next.example.net;lr>")
                                 .record_route("<sip:edge;lr>")
                                 .cseq("4711 INVITE")
                                 .body("v=0")
                                 .str();
  EXPECT_EQ(hop_request(invite, {.method = Method::Ack,
                                 .via = kOurVia,
                                 .to = "\"Bob\" <sip:bob@example.com>;tag=b1"}),
            "ACK sip:bob@192.0.2.9:5070;x=1 SIP/2.0\r\n"
            "Via: SIP/2.0/UDP lb.example.com;branch=z9hG4bKslb1\r\n"
            "Route: <sip:next.example.net;lr>\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
            "To: \"Bob\" <sip:bob@example.com>;tag=b1\r\n"
            "Call-ID: call-1@example.net\r\n"
            "CSeq: 4711 ACK\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(HopRequestTest, CancelKeepsTheToOfTheInvite) {
  EXPECT_EQ(hop_request(SipBuilder::request().str(), {.method = Method::Cancel, .via = kOurVia}),
            "CANCEL sip:bob@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP lb.example.com;branch=z9hG4bKslb1\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
            "To: <sip:bob@example.com>\r\n"
            "Call-ID: call-1@example.net\r\n"
            "CSeq: 1 CANCEL\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(HopRequestTest, KeepsHeadersAsTheyStand) {
  const std::string invite = SipBuilder::request()
                                 .remove("From")
                                 .remove("Call-ID")
                                 .raw("f :\r\n <sip:alice@example.net>\r\n\t;tag=a1\r\n")
                                 .raw("i:  c1 \r\n")
                                 .str();
  const std::string cancel = hop_request(invite, {.method = Method::Cancel, .via = kOurVia});
  EXPECT_NE(cancel.find("\r\nf :\r\n <sip:alice@example.net>\r\n\t;tag=a1\r\n"), std::string::npos);
  EXPECT_NE(cancel.find("\r\ni:  c1 \r\n"), std::string::npos);
  EXPECT_EQ(scanned(cancel).from_tag, "a1");
}

TEST(HopRequestTest, LeavesOutAPoppedLine) {
  const std::string invite =
      SipBuilder::request().route("<sip:us;lr>").route("<sip:a;lr>, <sip:b;lr>").str();
  const std::string_view popped[] = {within(invite, "Route: <sip:us;lr>\r\n"), {}};
  EXPECT_EQ(routes_of(hop_request(invite, {.via = kOurVia, .popped = popped})),
            std::vector<std::string>{"<sip:a;lr>, <sip:b;lr>"});
}

TEST(HopRequestTest, LeavesOutPoppedValuesWithinALine) {
  const std::string invite =
      SipBuilder::request().route("<sip:us;lr>,\r\n <sip:us2;lr>,  <sip:a;lr>").str();
  const std::string_view popped[] = {within(invite, "<sip:us;lr>,\r\n <sip:us2;lr>,  "), {}};
  EXPECT_EQ(routes_of(hop_request(invite, {.via = kOurVia, .popped = popped})),
            std::vector<std::string>{"<sip:a;lr>"});
}

TEST(HopRequestTest, LeavesOutALineAndTheValueBehindIt) {
  const std::string invite =
      SipBuilder::request().route("<sip:us;lr>").route("<sip:us2;lr>, <sip:a;lr>").str();
  const std::string_view popped[] = {within(invite, "Route: <sip:us;lr>\r\n"),
                                     within(invite, "<sip:us2;lr>, ")};
  EXPECT_EQ(routes_of(hop_request(invite, {.via = kOurVia, .popped = popped})),
            std::vector<std::string>{"<sip:a;lr>"});
}

TEST(HopRequestTest, WritesNoRouteOfWhichNothingIsLeft) {
  const std::string invite = SipBuilder::request().route("<sip:us;lr>, <sip:us2;lr>").str();
  const std::string_view line[] = {within(invite, "Route: <sip:us;lr>, <sip:us2;lr>\r\n")};
  const std::string_view values[] = {within(invite, "<sip:us;lr>, "),
                                     within(invite, "<sip:us2;lr>")};
  for (const std::span<const std::string_view> popped :
       {std::span<const std::string_view>(line), std::span<const std::string_view>(values)}) {
    const std::string ack = hop_request(invite, {.via = kOurVia, .popped = popped});
    EXPECT_EQ(ack.find("Route"), std::string::npos) << ack;
  }
}

TEST(HopRequestTest, RoutesAsTheForwardedInviteDid) {
  const std::string invite = SipBuilder::request()
                                 .route("<sip:us;lr>")
                                 .route("<sip:us2;lr> , \"a, b\" <sip:a;lr>")
                                 .route("<sip:c>")
                                 .str();
  const std::string_view popped[] = {within(invite, "Route: <sip:us;lr>\r\n"),
                                     within(invite, "<sip:us2;lr> , ")};
  Editor editor(invite);
  for (const std::string_view region : popped) editor.erase(region);
  std::string forwarded;
  for (const std::string_view piece : editor.pieces()) forwarded += piece;
  EXPECT_EQ(routes_of(hop_request(invite, {.via = kOurVia, .popped = popped})),
            routes_of(forwarded));
}

TEST(HopRequestTest, AckFromAResponseAlone) {
  const std::string response = SipBuilder::response(486)
                                   .via(
                                       "SIP/2.0/UDP lb;branch=z9hG4bKslb1;received=192.0.2.4, "
                                       "SIP/2.0/UDP phone;branch=z9hG4bK2")
                                   .to("<sip:bob@example.com>;tag=b1")
                                   .cseq("9 INVITE")
                                   .record_route("<sip:edge;lr>")
                                   .str();
  const Message message = scanned(response);
  EXPECT_EQ(built([&](std::span<char> out) {
              return build_ack_from_response(message, "sip:192.0.2.9:5060", out);
            }),
            "ACK sip:192.0.2.9:5060 SIP/2.0\r\n"
            "Via: SIP/2.0/UDP lb;branch=z9hG4bKslb1;received=192.0.2.4\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
            "To: <sip:bob@example.com>;tag=b1\r\n"
            "Call-ID: call-1@example.net\r\n"
            "CSeq: 9 ACK\r\n"
            "Content-Length: 0\r\n\r\n");
}

class DialogRequestTest : public testing::Test {
 protected:
  SipBuilder answer_ = SipBuilder::response(200)
                           .to("<sip:bob@example.com>;tag=b1")
                           .cseq("9 INVITE")
                           .contact("\"Bob\" <sip:bob@192.0.2.9:5070;transport=udp>;expires=60");
};

TEST_F(DialogRequestTest, AckGoesToTheContactWithTheNumberOfTheInvite) {
  EXPECT_EQ(dialog_request(answer_.str(), {.method = Method::Ack, .via = kOurVia}),
            "ACK sip:bob@192.0.2.9:5070;transport=udp SIP/2.0\r\n"
            "Via: SIP/2.0/UDP lb.example.com;branch=z9hG4bKslb1\r\n"
            "Max-Forwards: 70\r\n"
            "From: \"Alice\" <sip:alice@example.net>;tag=a1\r\n"
            "To: <sip:bob@example.com>;tag=b1\r\n"
            "Call-ID: call-1@example.net\r\n"
            "CSeq: 9 ACK\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST_F(DialogRequestTest, ByeTakesTheNextNumber) {
  const std::string bye = dialog_request(answer_.str(), {.method = Method::Bye, .via = kOurVia});
  EXPECT_TRUE(bye.starts_with("BYE sip:bob@192.0.2.9:5070;transport=udp SIP/2.0\r\n")) << bye;
  EXPECT_NE(bye.find("\r\nCSeq: 10 BYE\r\n"), std::string::npos) << bye;
}

TEST_F(DialogRequestTest, TakesAContactWithoutBrackets) {
  answer_.contact("sip:bob@192.0.2.9;expires=60");
  const std::string ack = dialog_request(answer_.str(), {.via = kOurVia});
  EXPECT_TRUE(ack.starts_with("ACK sip:bob@192.0.2.9 SIP/2.0\r\n")) << ack;
}

TEST_F(DialogRequestTest, RoutesBackOverThoseBehindUs) {
  const std::string response = answer_.record_route("<sip:p3;lr>")
                                   .record_route("<sip:p2;lr;x=1>;y, \"P, 1\" <sip:p1;lr>")
                                   .record_route("<sip:us;lr>, <sip:us2;lr>")
                                   .record_route("<sip:edge;lr>")
                                   .str();
  const char* const own = within(response, "<sip:us;lr>").data();
  const std::string bye =
      dialog_request(response, {.method = Method::Bye, .via = kOurVia, .own_record_route = own});
  EXPECT_EQ(routes_of(bye),
            (std::vector<std::string>{"\"P, 1\" <sip:p1;lr>", "<sip:p2;lr;x=1>;y", "<sip:p3;lr>"}));
}

TEST_F(DialogRequestTest, HasNoRouteWhereWeStandFirst) {
  const std::string response = answer_.record_route("<sip:us;lr>, <sip:edge;lr>").str();
  const char* const own = within(response, "<sip:us;lr>").data();
  EXPECT_TRUE(
      routes_of(dialog_request(response, {.via = kOurVia, .own_record_route = own})).empty());
}

TEST_F(DialogRequestTest, HasNoRouteWhereWeDidNotRecordOne) {
  const std::string response = answer_.record_route("<sip:p1;lr>").str();
  EXPECT_TRUE(routes_of(dialog_request(response, {.via = kOurVia})).empty());
}

TEST_F(DialogRequestTest, TakesAsManyRoutesAsThereMayBeHops) {
  std::string behind;
  for (size_t i = 0; i < kDialogRoutesMax; ++i) behind += "<sip:p;lr>, ";
  const std::string most = SipBuilder(answer_).record_route(behind + "<sip:us;lr>").str();
  const std::string more = answer_.record_route("<sip:p;lr>, " + behind + "<sip:us;lr>").str();
  const auto count = [](const std::string& response) {
    const char* const own = within(response, "<sip:us;lr>").data();
    const std::string ack = dialog_request(response, {.via = kOurVia, .own_record_route = own});
    return ack.empty() ? 0 : routes_of(ack).size();
  };
  EXPECT_EQ(count(most), kDialogRoutesMax);
  EXPECT_EQ(count(more), 0U);
}

TEST_F(DialogRequestTest, NeedsAContactThatIsAUri) {
  for (const std::string& response :
       {SipBuilder(answer_).remove("Contact").str(), SipBuilder(answer_).contact("*").str(),
        SipBuilder(answer_).contact("").str(), SipBuilder(answer_).contact("<sip:a b>").str(),
        SipBuilder(answer_).contact("\"Bob <sip:bob>").str()}) {
    EXPECT_EQ(dialog_request(response, {.via = kOurVia}), "") << response;
  }
}

}  // namespace
}  // namespace siplb::sip
