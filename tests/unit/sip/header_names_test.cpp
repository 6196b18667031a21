#include "sip/header_names.h"

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

}  // namespace
}  // namespace siplb::sip
