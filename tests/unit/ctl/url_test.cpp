#include "ctl/url.h"

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

TEST(UrlTest, IsThePathAloneWithoutParameters) {
  EXPECT_EQ(Query("/v1/trace").text(), "/v1/trace");
}

TEST(UrlTest, EscapesWhatMeansSomethingInUrls) {
  Query query("/v1/trace");
  query.add("call_id", "a-1._~@10.0.0.5 +&=%?#/");
  query.add("user", "\xc3\xa9");
  EXPECT_EQ(query.text(),
            "/v1/trace?call_id=a-1._~%4010.0.0.5%20%2B%26%3D%25%3F%23%2F&user=%C3%A9");
}

}  // namespace
}  // namespace siplb::ctl
