#include "load/server_name.h"

#include <string>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using siplb::test::SipBuilder;

std::string name_in(const SipBuilder& answer) {
  const std::string octets = answer.str();
  sip::Message message;
  EXPECT_EQ(sip::scan(octets, {}, message), sip::ScanStatus::Ok);
  return std::string(server_name(message));
}

TEST(ServerNameTest, ReadsTheHeaderItWrites) {
  EXPECT_EQ(server_header("s2").view(), "siplb-load/s2");
  for (const std::string_view name : {"s2", "12345678"}) {
    EXPECT_EQ(name_in(SipBuilder::response().set("Server", server_header(name))), name);
  }
}

TEST(ServerNameTest, FindsNoNameInOtherAnswers) {
  EXPECT_EQ(name_in(SipBuilder::response()), "");
  EXPECT_EQ(name_in(SipBuilder::response().set("Server", "other/s2")), "");
  EXPECT_EQ(name_in(SipBuilder::response().set("Server", "siplb-load")), "");
}

TEST(ServerNameTest, WritesTheSameTagForTheSameCallOnly) {
  const ServerTag tag = write_tag("s2", "a-call");
  EXPECT_EQ(tag.size(), 2U + 1 + 16);
  EXPECT_EQ(tag, write_tag("s2", "a-call"));
  EXPECT_NE(tag.view(), write_tag("s2", "b-call").view());
  EXPECT_NE(tag.view(), write_tag("s3", "a-call").view());
  EXPECT_EQ(write_tag("12345678", "a-call").size(), ServerTag::capacity());
}

TEST(ServerNameTest, FindsItsNameInATagAndInNoOther) {
  const std::string tag(write_tag("s2", "a-call").view());
  EXPECT_EQ(name_in_tag(tag), "s2");
  for (const std::string& other : {std::string(), std::string("s2"), std::string("s2."),
                                   tag.substr(0, tag.size() - 1), tag + "0", tag.substr(3)}) {
    EXPECT_EQ(name_in_tag(other), "") << other;
  }
}

}  // namespace
}  // namespace siplb::load
