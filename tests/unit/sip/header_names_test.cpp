#include "sip/header_names.h"

#include <cctype>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

TEST(HeaderNamesTest, KnowsLongAndCompactFormsInAnyCase) {
  struct Row {
    HeaderId id;
    std::initializer_list<std::string_view> names;
  };
  for (const Row& row : std::initializer_list<Row>{
           {HeaderId::Via, {"Via", "VIA", "v", "V"}},
           {HeaderId::From, {"From", "fROM", "f"}},
           {HeaderId::To, {"To", "TO", "t", "T"}},
           {HeaderId::CallId, {"Call-ID", "call-id", "CALL-Id", "i"}},
           {HeaderId::CSeq, {"CSeq", "cseq", "CSEQ"}},
           {HeaderId::MaxForwards, {"Max-Forwards", "MaX-fOrWaRdS"}},
           {HeaderId::Route, {"Route", "ROUTE"}},
           {HeaderId::RecordRoute, {"Record-Route", "record-route"}},
           {HeaderId::ContentLength, {"Content-Length", "content-length", "l", "L"}},
           {HeaderId::ProxyRequire, {"Proxy-Require", "PROXY-REQUIRE"}},
           {HeaderId::Contact, {"Contact", "contact", "m"}}}) {
    for (const std::string_view name : row.names) EXPECT_EQ(header_id(name), row.id) << name;
  }
}

TEST(HeaderNamesTest, TakesEveryOtherNameForOther) {
  for (const std::string_view name : {"",
                                      "x",
                                      "Subject",
                                      "k",
                                      "Tx",
                                      "Vic",
                                      "Form",
                                      "CSeg",
                                      "Rout",
                                      "Routes",
                                      "Call_ID",
                                      "Cantact",
                                      "Call\xcdID",
                                      "Contacd",
                                      "Max-Breadth",
                                      "Min-Forwards",
                                      "Content-Type",
                                      "Proxy-Reguire",
                                      "Content-Lengtf",
                                      "Content-Lengths"}) {
    EXPECT_EQ(header_id(name), HeaderId::Other) << name;
  }
}

TEST(HeaderNamesTest, EveryCompactNameHasOneLongForm) {
  constexpr std::string_view kCompact = "abcdefijklmnorstuvxy";  // as IANA has them registered
  std::set<std::string> seen;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string upper(1, static_cast<char>(std::toupper(letter)));
    const std::string lower(1, letter);
    const std::string_view name = long_form(lower);
    const bool registered = kCompact.find(letter) != std::string_view::npos;
    EXPECT_EQ(name.size() > 1, registered) << letter;
    EXPECT_EQ(long_form(upper), registered ? name : std::string_view(upper));
    EXPECT_TRUE(seen.emplace(name).second) << name;
    // The scanner knows both or neither.
    EXPECT_EQ(header_id(lower), header_id(name)) << letter;
  }
}

TEST(HeaderNamesTest, AnyOtherNameIsItsOwnLongForm) {
  for (const std::string_view name : {"", "To", "Subject", "X-Mine", "0", "-", "\xe9"}) {
    EXPECT_EQ(long_form(name), name);
  }
}

}  // namespace
}  // namespace siplb::sip
