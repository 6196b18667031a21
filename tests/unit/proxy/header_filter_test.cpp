#include "proxy/header_filter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

// What is left of `text`, and still scans well where `text` does.
std::string filtered(const transport::HeaderPolicy& policy, std::string_view text) {
  // Of exactly its size, so that an overread or overrun is seen.
  std::vector<char> octets(text.begin(), text.end());
  sip::Message message;
  EXPECT_EQ(sip::scan({octets.data(), octets.size()}, {}, message), sip::ScanStatus::Ok);
  const size_t left = HeaderFilter(policy).apply(octets, message);
  EXPECT_LE(left, octets.size());
  octets.resize(left);
  octets.shrink_to_fit();
  EXPECT_EQ(sip::scan({octets.data(), octets.size()}, {}, message), sip::ScanStatus::Ok);
  return {octets.begin(), octets.end()};
}

// A request with these lines between others, and what must be left of it.
struct Case {
  explicit Case(std::string_view lines) : with(make(lines)), without(make({})) {}
  static std::string make(std::string_view lines) {
    return SipBuilder::request()
        .add("Subject", "kept")
        .raw(lines)
        .raw("X-Last:\r\n  kept, too\r\n")
        .body("X-Siplb-Source: in the body\r\n")
        .str();
  }
  std::string with;
  std::string without;
};

TEST(HeaderFilterTest, APolicyWithoutNamesTakesNothing) {
  const Case it("X-Siplb-Source: a\r\n");
  EXPECT_EQ(filtered({}, it.with), it.with);
  EXPECT_TRUE(HeaderFilter({}).source_header().empty());
}

TEST(HeaderFilterTest, TakesAWholeHeaderByItsNameInAnyCase) {
  const transport::HeaderPolicy policy{.remove = {"P-Asserted-Identity"}};
  for (const std::string_view line :
       {"P-Asserted-Identity: <sip:boss@example.com>\r\n", "p-asserted-identity: x\r\n",
        "P-ASSERTED-IDENTITY:\r\n", "P-Asserted-Identity \t : x\r\n",
        "P-Asserted-Identity: x,\r\n\ty,\r\n z\r\n"}) {
    const Case it(line);
    EXPECT_EQ(filtered(policy, it.with), it.without) << line;
  }
}

TEST(HeaderFilterTest, LeavesNamesThatOnlyLookAlike) {
  const transport::HeaderPolicy policy{.remove = {"P-Asserted-Identity", "X-Siplb-*"}};
  for (const std::string_view line :
       {"P-Asserted-Identit: x\r\n", "P-Asserted-Identity2: x\r\n", "PP-Asserted-Identity: x\r\n",
        "X-Siplb: x\r\n", "XX-Siplb-a: x\r\n", "Y: P-Asserted-Identity: x\r\n",
        "Y: a\r\n P-Asserted-Identity: x\r\n"}) {
    const Case it(line);
    EXPECT_EQ(filtered(policy, it.with), it.with) << line;
  }
}

TEST(HeaderFilterTest, TakesAllThatBeginSo) {
  const Case it("X-Siplb-: a\r\nx-siplb-source: b\r\nX-SIPLB-Other:c\r\n");
  EXPECT_EQ(filtered({.remove = {"X-Siplb-*"}}, it.with), it.without);
}

TEST(HeaderFilterTest, TakesCompactFormsOfTheNames) {
  const Case it("r: <sip:carol@example.com>\r\nB: <sip:dave@example.com>\r\nrefer-to: x\r\n");
  EXPECT_EQ(filtered({.remove = {"Refer-To", "Referred-By"}}, it.with), it.without);
  EXPECT_EQ(filtered({.remove = {"Refer*"}}, it.with), it.without);
}

TEST(HeaderFilterTest, TakesTheHeaderThatWeMakeOurselves) {
  const transport::HeaderPolicy policy{.source = "X-Siplb-Source"};
  EXPECT_EQ(HeaderFilter(policy).source_header(), "X-Siplb-Source");
  const Case it("x-siplb-SOURCE: 10.0.0.1:5060\r\n");
  EXPECT_EQ(filtered(policy, it.with), it.without);
}

TEST(HeaderFilterTest, LeavesWhatSiplbReadsItself) {
  const Case it("");
  EXPECT_EQ(filtered({.remove = {"Via", "C*", "M*", "F*"}}, it.with), it.with);
}

TEST(HeaderFilterTest, TakesTheFirstTheLastAndAdjacentOnes) {
  const transport::HeaderPolicy policy{.remove = {"P-*"}};
  const std::string kept = SipBuilder::request().add("Subject", "kept").str();
  const auto with = [&](std::string_view first, std::string_view middle, std::string_view last) {
    std::string text = kept;
    text.insert(text.rfind("\r\n"), last);
    text.insert(text.find("Subject"), middle);
    return text.insert(text.find("Via"), first);
  };
  EXPECT_EQ(filtered(policy, with("P-A: 1\r\n", "", "")), kept);
  EXPECT_EQ(filtered(policy, with("", "", "P-A: 1\r\n")), kept);
  EXPECT_EQ(filtered(policy, with("", "P-A: 1\r\nP-B: 2\r\nP-C:\r\n", "")), kept);
  EXPECT_EQ(filtered(policy, with("P-A: 1\r\nP-B: 2\r\n", "P-C: 3\r\n", "P-D: 4\r\nP-E:\r\n")),
            kept);
}

TEST(HeaderFilterTest, TakesAllButTheHeadersOfAFullTable) {
  std::string kept = SipBuilder::request().remove("Content-Length").str();
  std::string full = kept;
  sip::Message message;
  ASSERT_EQ(sip::scan(full, {}, message), sip::ScanStatus::Ok);
  for (size_t count = message.header_count; count < sip::kHeadersMax; ++count) {
    full.insert(count % 2 == 0 ? full.find("Via") : full.rfind("\r\n"), "P-A: x\r\n");
  }
  ASSERT_EQ(sip::scan(full, {}, message), sip::ScanStatus::Ok);
  ASSERT_EQ(message.header_count, sip::kHeadersMax);
  EXPECT_EQ(filtered({.remove = {"P-*"}}, full), kept);
}

TEST(HeaderFilterTest, LeavesTheOctetsAroundTheMessageAlone) {
  const Case it("P-A: 1\r\n");
  EXPECT_EQ(filtered({.remove = {"P-A"}}, "\r\n\r\n" + it.with + "beyond"),
            "\r\n\r\n" + it.without + "beyond");
}

TEST(HeaderFilterTest, TakesThemFromResponsesToo) {
  const std::string kept = SipBuilder::response(200).str();
  std::string text = kept;
  text.insert(text.find("CSeq"), "X-Siplb-A: b\r\n");
  EXPECT_EQ(filtered({.remove = {"X-Siplb-*"}}, text), kept);
}

}  // namespace
}  // namespace siplb::proxy
