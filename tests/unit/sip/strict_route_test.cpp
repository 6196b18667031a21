#include "sip/strict_route.h"

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/prefixes.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using test::SipBuilder;

constexpr std::string_view kOurs = "sip:EE4g@lb.example.com;lr";

SipBuilder from_strict_router() {
  return SipBuilder::request(Method::Bye, kOurs).to("<sip:bob@example.com>;tag=b1");
}

std::string undone(std::string_view request) {
  Message message;
  EXPECT_EQ(scan(request, {}, message), ScanStatus::Ok) << request;
  std::array<char, 4096> out;
  return {out.data(), undo_strict_route(message, out)};
}

// What is left of a message without its Request-URI and Routes.
std::string others(const Message& message) {
  std::string text;
  for (const Header& header : message.headers()) {
    if (header.id != HeaderId::Route) text += header.line;
  }
  return text += message.body;
}

std::vector<std::string> routes(const Message& message) {
  std::vector<std::string> values;
  for (const Header& header : message.headers()) {
    if (header.id != HeaderId::Route) continue;
    ValueReader reader(header.value);
    for (std::string_view value; reader.next(value);) values.emplace_back(value);
  }
  return values;
}

bool loose(std::string_view text) {
  Uri uri;
  EXPECT_TRUE(parse_uri(text, uri)) << text;
  return is_loose(uri);
}

TEST(IsLooseTest, NeedsTheParameterAndNothingElse) {
  EXPECT_TRUE(loose("sip:p.example.com;lr"));
  EXPECT_TRUE(loose("sip:p.example.com;LR"));
  EXPECT_TRUE(loose("sip:p.example.com;transport=tcp;lr=on"));
  EXPECT_TRUE(loose("sip:p.example.com;lr=;x"));
  EXPECT_FALSE(loose("sip:p.example.com"));
  EXPECT_FALSE(loose("sip:lr@lr"));
  EXPECT_FALSE(loose("sip:p.example.com;lrx;x=lr"));
  EXPECT_FALSE(loose("sip:p.example.com?lr"));
  EXPECT_FALSE(loose("sip:u;lr@p.example.com"));
}

TEST(UndoStrictRouteTest, PutsTheOnlyRouteIntoTheRequestUri) {
  const std::string request = from_strict_router().route("<sip:bob@192.0.2.4>").str();
  EXPECT_EQ(undone(request), SipBuilder::request(Method::Bye, "sip:bob@192.0.2.4")
                                 .to("<sip:bob@example.com>;tag=b1")
                                 .route("<" + std::string(kOurs) + ">")
                                 .str());
}

TEST(UndoStrictRouteTest, TakesTheLastOfSeveralValues) {
  const std::string request =
      from_strict_router().route("<sip:p1;lr>, \"Bob, <B>\" <sip:bob@192.0.2.4>;x=1").str();
  EXPECT_EQ(undone(request), SipBuilder::request(Method::Bye, "sip:bob@192.0.2.4")
                                 .to("<sip:bob@example.com>;tag=b1")
                                 .route("<" + std::string(kOurs) + ">, <sip:p1;lr>")
                                 .str());
}

TEST(UndoStrictRouteTest, TakesTheLastOfSeveralHeaders) {
  const std::string request = from_strict_router()
                                  .route("<sip:p1;lr>")
                                  .route("<sip:p2;lr>,<sip:p3;lr>")
                                  .route("<sip:bob@192.0.2.4>")
                                  .str();
  EXPECT_EQ(undone(request), SipBuilder::request(Method::Bye, "sip:bob@192.0.2.4")
                                 .to("<sip:bob@example.com>;tag=b1")
                                 .route("<" + std::string(kOurs) + ">, <sip:p1;lr>")
                                 .route("<sip:p2;lr>,<sip:p3;lr>")
                                 .str());
}

TEST(UndoStrictRouteTest, TakesTheLastValueOfTheLastHeader) {
  const std::string request =
      from_strict_router().route("<sip:p1;lr>").route("<sip:p2;lr>,<sip:bob@192.0.2.4>").str();
  EXPECT_EQ(undone(request), SipBuilder::request(Method::Bye, "sip:bob@192.0.2.4")
                                 .to("<sip:bob@example.com>;tag=b1")
                                 .route("<" + std::string(kOurs) + ">, <sip:p1;lr>")
                                 .route("<sip:p2;lr>")
                                 .str());
}

TEST(UndoStrictRouteTest, TakesAnAddressWithoutBrackets) {
  const std::string result = undone(from_strict_router().route("sip:bob@192.0.2.4;x=1").str());
  EXPECT_TRUE(result.starts_with("BYE sip:bob@192.0.2.4 SIP/2.0\r\n")) << result;
}

TEST(UndoStrictRouteTest, IsNothingWithoutAUriInTheLastRoute) {
  EXPECT_EQ(undone(from_strict_router().str()), "");
  for (const std::string_view route :
       {"", "<sip:p1;lr>, <>", "<sip:p1;lr>, <sip:>", "<sip:p1;lr>, <no uri>", "<sip:p1;lr>, \"x",
        "<sip:p1;lr>, <sip:p2"}) {
    EXPECT_EQ(undone(from_strict_router().route(route).str()), "") << route;
  }
}

TEST(UndoStrictRouteTest, AddsNoHeaderToAFullTable) {
  SipBuilder request = from_strict_router().route("<sip:p1;lr>, <sip:bob@192.0.2.4>");
  Message message;
  while (scan(request.str(), {}, message) == ScanStatus::Ok && message.header_count < kHeadersMax) {
    request.add("X", "y");
  }
  const std::string result = undone(request.str());
  EXPECT_EQ(scan(result, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.header_count, kHeadersMax);
}

TEST(UndoStrictRouteTest, IsNothingWhereItDoesNotFit) {
  const std::string request =
      from_strict_router().route("<sip:p1;lr>, <sip:bob@192.0.2.4>").body("v=0").str();
  const std::string whole = undone(request);
  Message message;
  ASSERT_EQ(scan(request, {}, message), ScanStatus::Ok);
  for (size_t size = 0; size <= whole.size() + 1; ++size) {
    const auto block = std::make_unique<char[]>(size);
    EXPECT_EQ(undo_strict_route(message, {block.get(), size}),
              size < whole.size() ? 0 : whole.size());
  }
}

TEST(UndoStrictRouteTest, StaysInsideTheRequest) {
  const std::string text = from_strict_router().route("<sip:p1;lr>, <sip:bob@192.0.2.4>").str();
  test::for_each_prefix(text, [&](std::string_view prefix) {
    Message message;
    if (scan(prefix, {}, message) != ScanStatus::Ok) return;
    EXPECT_EQ(undone(prefix), undone(text));
  });
}

// Random Routes in any spelling: several values in a header, several headers, folded, quoted.
class AnyRoutes {
 public:
  explicit AnyRoutes(uint32_t seed) : random_(seed) {}

  std::string request() {
    SipBuilder builder = from_strict_router().body("v=0\r\n");
    for (size_t headers = 1 + pick(3); headers > 0; --headers) {
      std::string value = entry();
      for (size_t more = pick(3); more > 0; --more) value += space() + "," + space() + entry();
      if (pick(8) == 0) value += " ,";
      builder.raw(name() + ":" + space() + value + space() + "\r\n");
      if (pick(3) == 0) builder.raw("X-Other: <sip:x>, y\r\n");
    }
    return builder.str();
  }

 private:
  size_t pick(size_t count) { return random_() % count; }
  template <size_t kCount>
  std::string_view one_of(const std::string_view (&choices)[kCount]) {
    return choices[pick(kCount)];
  }
  std::string name() {
    static constexpr std::string_view kNames[] = {"Route", "route", "ROUTE ", "Route\t"};
    return std::string(one_of(kNames));
  }
  std::string space() {
    static constexpr std::string_view kSpaces[] = {"", " ", "\t ", "\r\n ", " \r\n\t"};
    return std::string(one_of(kSpaces));
  }
  std::string entry() {
    static constexpr std::string_view kNames[] = {"", "p ", "\"\" ", "\"a, <b>; \\\" c\" "};
    static constexpr std::string_view kUris[] = {"sip:p1;lr", "sip:u,v;w@p2:5070;x=%2C",
                                                 "sips:[2001:db8::1]:5061;lr=on", "sip:p3?a=b",
                                                 "tel:+1-555;phone-context=x"};
    static constexpr std::string_view kParams[] = {"", ";x", ";y=\"1,2>\""};
    return std::string(one_of(kNames)) + "<" + space() + std::string(one_of(kUris)) + ">" +
           std::string(one_of(kParams));
  }

  std::minstd_rand random_;
};

TEST(UndoStrictRouteTest, TurnsAnyRoutesByOne) {
  for (uint32_t seed = 1; seed <= 2000; ++seed) {
    const std::string request = AnyRoutes(seed).request();
    const std::string result = undone(request);
    Message before;
    Message after;
    ASSERT_EQ(scan(request, {}, before), ScanStatus::Ok) << request;
    ASSERT_EQ(scan(result, {}, after), ScanStatus::Ok) << request << "\n" << result;
    EXPECT_LE(result.size(), request.size() + kStrictRouteGrowth);

    std::vector<std::string> expected = routes(before);
    NameAddr last;
    ASSERT_TRUE(parse_name_addr(expected.back(), last));
    EXPECT_EQ(after.request_uri, last.uri) << request;
    expected.pop_back();
    expected.insert(expected.begin(), "<" + std::string(kOurs) + ">");
    EXPECT_EQ(routes(after), expected) << request << "\n" << result;
    EXPECT_EQ(others(after), others(before));
  }
}

}  // namespace
}  // namespace siplb::sip
