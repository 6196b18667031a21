#include "load/answer_text.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using siplb::test::SipBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

class AnswerTextTest : public ::testing::Test {
 protected:
  bool write(const SipBuilder& request) {
    octets_ = request.str();
    EXPECT_EQ(sip::scan(octets_, {}, message_), sip::ScanStatus::Ok);
    return text.write(message_, source, "s1.tag");
  }

  const SockAddress source = SockAddress::v4(0xC0000209, 7000);
  AnswerText text;

 private:
  std::string octets_;
  sip::Message message_;
};

TEST_F(AnswerTextTest, CopiesWhatAnAnswerSharesWithItsRequest) {
  ASSERT_TRUE(write(SipBuilder::request(sip::Method::Options)
                        .via("SIP/2.0/UDP 192.0.2.9:7000;branch=z9hG4bK1")
                        .from("<sip:a@example.com>;tag=1")
                        .to("<sip:b@example.com>")
                        .call_id("a-call")
                        .cseq("7 OPTIONS")));
  EXPECT_EQ(text.basic(),
            "Via: SIP/2.0/UDP 192.0.2.9:7000;branch=z9hG4bK1\r\n"
            "From: <sip:a@example.com>;tag=1\r\n"
            "To: <sip:b@example.com>;tag=s1.tag\r\n"
            "Call-ID: a-call\r\n"
            "CSeq: 7 OPTIONS\r\n");
  EXPECT_EQ(text.full(), text.basic());
}

TEST_F(AnswerTextTest, StampsTheTopViaOnly) {
  ASSERT_TRUE(write(SipBuilder::request()
                        .via("SIP/2.0/UDP inner.example.com;branch=z9hG4bK1")
                        .push_via("SIP/2.0/UDP outer.example.com;rport;branch=z9hG4bK2")));
  EXPECT_THAT(std::string(text.basic()), HasSubstr("received=192.0.2.9"));
  EXPECT_THAT(std::string(text.basic()), HasSubstr("rport=7000"));
  EXPECT_THAT(std::string(text.basic()),
              HasSubstr("Via: SIP/2.0/UDP inner.example.com;branch=z9hG4bK1\r\n"));
  EXPECT_LT(text.basic().find("outer"), text.basic().find("inner"));
}

TEST_F(AnswerTextTest, KeepsATagThatIsThere) {
  ASSERT_TRUE(write(SipBuilder::request().to("<sip:b@example.com>;tag=theirs")));
  EXPECT_THAT(std::string(text.basic()), HasSubstr("To: <sip:b@example.com>;tag=theirs\r\n"));
}

TEST_F(AnswerTextTest, ShowsRecordRoutesOfAnInviteOnlyWhereADialogIsMade) {
  const std::string line = "Record-Route: <sip:edge;lr>\r\n";
  ASSERT_TRUE(write(SipBuilder::request().record_route("<sip:edge;lr>")));
  EXPECT_EQ(text.full(), std::string(text.basic()) + line);
  ASSERT_TRUE(write(SipBuilder::request(sip::Method::Options).record_route("<sip:edge;lr>")));
  EXPECT_THAT(std::string(text.full()), Not(HasSubstr(line)));
}

TEST_F(AnswerTextTest, GrantsWhatARegisterAsksFor) {
  struct Case {
    const char* description;
    const char* contact;
    const char* expires;
    const char* granted;
  };
  const Case cases[] = {
      {"an hour by default", "<sip:a@h>", nullptr, "Contact: <sip:a@h>;expires=3600\r\n"},
      {"as Expires says", "<sip:a@h>", "60", "Contact: <sip:a@h>;expires=60\r\n"},
      {"as the binding says", "<sip:a@h>;expires=5", "60", "Contact: <sip:a@h>;expires=5\r\n"},
      {"each of several", "<sip:a@h>, <sip:b@h>;expires=9", "60",
       "Contact: <sip:a@h>;expires=60\r\nContact: <sip:b@h>;expires=9\r\n"},
      {"none that is taken back", "<sip:a@h>;expires=0, <sip:b@h>", "60",
       "Contact: <sip:b@h>;expires=60\r\n"},
      {"none of all that are taken back", "*", "0", ""},
  };
  for (const Case& each : cases) {
    SipBuilder request = SipBuilder::request(sip::Method::Register).contact(each.contact);
    if (each.expires != nullptr) request.set("Expires", each.expires);
    ASSERT_TRUE(write(request)) << each.description;
    EXPECT_EQ(text.full().substr(text.basic().size()), each.granted) << each.description;
  }
}

TEST_F(AnswerTextTest, RefusesOneOctetMoreThanFitsAndRecovers) {
  const auto from = [](size_t length) {
    return SipBuilder::request().from("<sip:" + std::string(length, 'a') + "@h>;tag=1");
  };
  ASSERT_TRUE(write(from(1)));
  const size_t room = AnswerText::kOctetsMax - text.full().size();
  EXPECT_TRUE(write(from(1 + room)));
  EXPECT_EQ(text.full().size(), AnswerText::kOctetsMax);
  EXPECT_FALSE(write(from(2 + room)));
  EXPECT_TRUE(write(from(1)));
}

}  // namespace
}  // namespace siplb::load
