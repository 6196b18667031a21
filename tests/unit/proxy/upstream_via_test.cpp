#include "proxy/upstream_via.h"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class UpstreamViaTest : public testing::Test {
 protected:
  // Reads from a heap block of exactly the text's size.
  bool read(const SipBuilder& response) {
    const std::string text = response.str();
    block_ = std::make_unique<char[]>(text.size());
    std::memcpy(block_.get(), text.data(), text.size());
    EXPECT_EQ(sip::scan({block_.get(), text.size()}, {}, message_), sip::ScanStatus::Ok);
    return read_next_via(message_, next_);
  }

  std::unique_ptr<char[]> block_;
  sip::Message message_;
  sip::Via next_;
};

TEST_F(UpstreamViaTest, IsTheNextValueOfTheTopHeader) {
  ASSERT_TRUE(read(SipBuilder::response().via(
      "SIP/2.0/UDP ours;branch=z9hG4bK1, SIP/2.0/UDP hers:5070;branch=z9hG4bK2")));
  EXPECT_EQ(next_.host, "hers");
  EXPECT_EQ(next_.branch, "z9hG4bK2");
}

TEST_F(UpstreamViaTest, IsTheFirstValueOfTheNextHeader) {
  ASSERT_TRUE(read(SipBuilder::response()
                       .via("SIP/2.0/UDP hers;branch=z9hG4bK2, SIP/2.0/UDP his;branch=z9hG4bK3")
                       .push_via("SIP/2.0/UDP ours;branch=z9hG4bK1")));
  EXPECT_EQ(next_.host, "hers");
}

TEST_F(UpstreamViaTest, StandsBehindOtherHeadersToo) {
  ASSERT_TRUE(read(SipBuilder::response()
                       .push_via("SIP/2.0/UDP ours;branch=z9hG4bK1")
                       .push("Subject", "first")
                       .order({"Subject", "From"})));
  EXPECT_EQ(next_.host, "192.0.2.1");
}

TEST_F(UpstreamViaTest, AllBelowTheTopAreReadInTheirOrder) {
  ASSERT_TRUE(read(SipBuilder::response()
                       .via("SIP/2.0/UDP c, SIP/2.0/UDP d")
                       .add("Via", "SIP/2.0/UDP e")
                       .push("Subject", "between")
                       .push_via("SIP/2.0/UDP a, SIP/2.0/UDP b")));
  ViaReader vias(message_);
  std::string hosts;
  for (sip::Via via; vias.next(via);) hosts += via.host;
  EXPECT_EQ(hosts, "bcde");
  EXPECT_FALSE(vias.next(next_));
}

TEST_F(UpstreamViaTest, NothingIsKnownBelowOneThatCannotBeRead) {
  ASSERT_TRUE(
      read(SipBuilder::response().via("SIP/2.0/UDP a, SIP/2.0/UDP b, nonsense, "
                                      "SIP/2.0/UDP c")));
  ViaReader vias(message_);
  EXPECT_TRUE(vias.next(next_));
  EXPECT_FALSE(vias.next(next_));
}

TEST_F(UpstreamViaTest, IsMissingWhereOursIsTheOnlyOne) {
  EXPECT_FALSE(read(SipBuilder::response().via("SIP/2.0/UDP ours;branch=z9hG4bK1")));
}

TEST_F(UpstreamViaTest, IsMissingWhereItCannotBeRead) {
  EXPECT_FALSE(
      read(SipBuilder::response().via("nonsense").push_via("SIP/2.0/UDP ours;branch=z9hG4bK1")));
  EXPECT_FALSE(read(SipBuilder::response().via("SIP/2.0/UDP ours;branch=z9hG4bK1, SIP/2.0/UDP")));
}

}  // namespace
}  // namespace siplb::proxy
