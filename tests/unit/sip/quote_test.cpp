#include "sip/quote.h"

#include <string>

#include <gtest/gtest.h>

#include "sip/seal.h"
#include "support/prefixes.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using test::SipBuilder;

class QuoteTest : public testing::Test {
 protected:
  // A request as we send it.
  std::string request(Method method, uint8_t lane = 7) const {
    return SipBuilder::request(method).push_via(via(lane)).str();
  }

  std::string via(uint8_t lane = 7) const {
    Via next;
    EXPECT_TRUE(parse_via("SIP/2.0/UDP phone.example.net;branch=z9hG4bK776", next));
    ViaSeal fields;
    fields.lane = lane;
    const SlbText slb = seal_.seal_via(fields, branch_, "[2001:db8::1]:5070", canonical(next));
    return "SIP/2.0/UDP [2001:db8::1]:5070;branch=" + std::string(branch_.view()) +
           ";slb=" + std::string(slb.view());
  }

  Seal seal_{HashKey{}, 1, 60};
  Branch branch_ = branch_text({{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, 2);
};

TEST_F(QuoteTest, ReadsMethodBranchAndLane) {
  for (const Method method : {Method::Invite, Method::Ack, Method::Cancel, Method::Register}) {
    const std::string octets = request(method, 63);
    const auto quote = read_quote(octets);
    ASSERT_TRUE(quote);
    EXPECT_EQ(quote->method, method);
    EXPECT_EQ(quote->branch, branch_.view());
    EXPECT_EQ(quote->lane, 63);
  }
  const std::string extension = SipBuilder::request().start_line("FROB sip:bob SIP/2.0").str();
  EXPECT_FALSE(read_quote(extension));
  const auto quote = read_quote("FROB sip:bob SIP/2.0\r\nVia: " + via());
  ASSERT_TRUE(quote);
  EXPECT_EQ(quote->method, Method::Other);
}

TEST_F(QuoteTest, CountsFromTheLaneOnWhereverItIsCutOff) {
  const std::string octets = request(Method::Invite);
  const size_t needed = octets.find("QQQQQQQ07") + 9;
  test::for_each_prefix(octets, [&](std::string_view cut) {
    const auto quote = read_quote(cut);
    ASSERT_EQ(quote.has_value(), cut.size() >= needed) << cut;
    if (!quote) return;
    EXPECT_EQ(quote->branch, branch_.view());
    EXPECT_EQ(quote->lane, 7);
    // A view into the quote.
    EXPECT_GE(quote->branch.data(), cut.data());
    EXPECT_LE(quote->branch.data() + quote->branch.size(), cut.data() + cut.size());
  });
}

TEST_F(QuoteTest, TakesNoBranchThatIsCutOff) {
  const std::string own = via();
  const std::string slb = own.substr(own.find(";slb="));
  const std::string octets = "INVITE sip:bob SIP/2.0\r\nVia: SIP/2.0/UDP lb" + slb +
                             ";branch=" + std::string(branch_.view());
  test::for_each_prefix(octets, [&](std::string_view cut) {
    EXPECT_EQ(read_quote(cut).has_value(), cut.size() == octets.size()) << cut;
  });
}

TEST_F(QuoteTest, ReadsNoResponse) {
  EXPECT_FALSE(read_quote(SipBuilder::response(200).push_via(via()).str()));
}

TEST_F(QuoteTest, ReadsNoMessageOfAnother) {
  const std::string start = "INVITE sip:bob SIP/2.0\r\n";
  const std::string branch(branch_.view());
  const std::string slb = ";slb=QQQQQQQ07";
  const std::string ours = "Via: SIP/2.0/UDP lb;branch=" + branch + slb;
  ASSERT_TRUE(read_quote(start + ours));
  for (const std::string& octets : {
           std::string(),
           std::string(" \r\n") + ours,
           std::string("INVITE\r\n") + ours,
           ours,
           start + "Max-Forwards: 70\r\n" + ours,
           start + "Via: SIP/2.0/UDP phone;branch=z9hG4bK1\r\n" + ours,
           start + "Via: SIP/2.0/UDP lb",
           start + "Via: SIP/2.0/UDP lb;branch=" + branch,
           start + "Via: SIP/2.0/UDP lb" + slb,
           start + "Via: SIP/2.0/UDP lb;branch=" + branch + "\r\nSubject: x" + slb,
           start + "Via: SIP/2.0/UDP lb;branch=z9hG4bK776" + slb,
           start + "Via: SIP/2.0/UDP lb;branch=" + branch + ";slb=QQQQQQX07",
           start + "Via: SIP/2.0/UDP lb;branch=" + branch + ";slb=QQQQQQQ0x",
       }) {
    EXPECT_FALSE(read_quote(octets)) << octets;
  }
}

}  // namespace
}  // namespace siplb::sip
