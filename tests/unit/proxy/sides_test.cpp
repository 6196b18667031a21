#include "proxy/sides.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using transport::ListenerOptions;
using transport::ListenerRole;

class SidesTest : public testing::Test {
 protected:
  std::vector<ListenerOptions> listeners_ = {
      {.name = "public", .address = address_of("10.0.0.1:0"), .advertise = "edge.example.com"},
      {.name = "mapped", .address = address_of("10.0.0.1:5070"), .advertise = "203.0.113.1:5080"},
      {.name = "six", .address = address_of("[2001:db8::1]:5060"), .role = ListenerRole::Both}};
  std::vector<SockAddress> bound_ = {address_of("10.0.0.1:40000"), listeners_[1].address,
                                     listeners_[2].address};
  Sides sides_{listeners_, bound_};
};

TEST_F(SidesTest, CallsItselfByWhatIsAdvertisedElseByWhatIsBound) {
  EXPECT_EQ(sides_[0].sent_by, "edge.example.com");
  EXPECT_EQ(sides_[0].port, 5060);
  EXPECT_EQ(sides_[1].sent_by, "203.0.113.1:5080");
  EXPECT_EQ(sides_[2].sent_by, "[2001:db8::1]:5060");
}

TEST_F(SidesTest, KnowsItselfByEveryNameItHas) {
  EXPECT_TRUE(sides_.is_ours("EDGE.example.com", 5060));
  EXPECT_TRUE(sides_.is_ours("10.0.0.1", 40000));  // the real port, not the configured 0
  EXPECT_TRUE(sides_.is_ours("203.0.113.1", 5080));
  EXPECT_TRUE(sides_.is_ours("[2001:DB8:0::1]", 5060));
}

TEST_F(SidesTest, TakesNobodyElseForItself) {
  EXPECT_FALSE(sides_.is_ours("edge.example.com", 5061));
  EXPECT_FALSE(sides_.is_ours("10.0.0.1", 5060));
  EXPECT_FALSE(sides_.is_ours("10.0.0.1", 0));
  EXPECT_FALSE(sides_.is_ours("example.com", 5060));
  EXPECT_FALSE(sides_.is_ours("", 5060));
}

TEST_F(SidesTest, FindsAListenerByTheHashOfItsName) {
  EXPECT_EQ(sides_.find(sip::listener_hash("mapped")), 1);
  EXPECT_FALSE(sides_.find(sip::listener_hash("gone")).has_value());
}

TEST_F(SidesTest, EgressPrefersTheSideMadeForServers) {
  EXPECT_EQ(sides_.egress(SockAddress::Family::V4), 0);
  EXPECT_EQ(sides_.egress(SockAddress::Family::V6), 2);
  listeners_[1].role = ListenerRole::Both;
  EXPECT_EQ(select_egress(listeners_, SockAddress::Family::V4), 1);
  listeners_[0].role = ListenerRole::Servers;
  EXPECT_EQ(select_egress(listeners_, SockAddress::Family::V4), 0);
  EXPECT_FALSE(select_egress({}, SockAddress::Family::V4).has_value());
}

}  // namespace
}  // namespace siplb::proxy
