#include "proxy/sides.h"

#include "lane_fixture.h"
#include "sip/seal.h"

namespace siplb::proxy {
namespace {

using transport::ListenerOptions;
using transport::ListenerRole;

Network net(std::string_view text) {
  return *Network::parse(text);
}

class SidesTest : public testing::Test {
 protected:
  [[nodiscard]] bool is_ours(std::string_view text, std::string_view local = {}) const {
    sip::Uri uri;
    EXPECT_TRUE(sip::parse_uri(text, uri)) << text;
    return sides_.is_ours(uri, local.empty() ? SockAddress{} : *SockAddress::parse_ip(local, 0));
  }

  static constexpr transport::ListenerIndex kMapped = 1;
  static constexpr transport::ListenerIndex kAny = 3;
  std::vector<ListenerOptions> listeners_ = {
      {.name = "public", .address = address_of("10.0.0.1:0"), .advertise = {{{}, "edge.example"}}},
      {.name = "mapped",
       .address = address_of("10.0.0.1:5070"),
       .advertise = {{{net("10.0.0.0/8"), net("192.168.0.0/16")}, "10.0.0.1:5070"},
                     {{net("172.16.0.0/12")}, "inside.example:5071"},
                     {{}, "203.0.113.1:5080"}}},
      {.name = "six", .address = address_of("[2001:db8::1]:5060"), .role = ListenerRole::Both},
      {.name = "any", .address = address_of("0.0.0.0:5090"), .advertise = {{{}, "203.0.113.2"}}}};
  std::vector<SockAddress> bound_ = {address_of("10.0.0.1:40000"), listeners_[1].address,
                                     listeners_[2].address, listeners_[3].address};
  std::vector<std::string> names_ = {"sip.example"};
  Sides sides_{listeners_, bound_, names_, {}};
};

TEST_F(SidesTest, CallsItselfByWhatTheRemoteEndKnowsItBy) {
  const auto sent_by = [this](std::string_view remote) {
    return sides_.sent_by({.remote = address_of(remote), .listener = kMapped});
  };
  EXPECT_EQ(sent_by("10.1.2.3:5060"), "10.0.0.1:5070");
  EXPECT_EQ(sent_by("192.168.1.1:5060"), "10.0.0.1:5070");
  EXPECT_EQ(sent_by("172.16.0.1:5060"), "inside.example:5071");
  EXPECT_EQ(sent_by("198.51.100.1:5060"), "203.0.113.1:5080");
}

TEST_F(SidesTest, AListenerThatHasLeftIsKnownByWhatItWasCalled) {
  const uint16_t hash = sides_[kMapped].hash;
  const std::string sent_by = sides_[kMapped].name_for(address_of("10.1.2.3:5060")).sent_by;
  listeners_[kMapped].transports.clear();
  const Sides left(listeners_, bound_, {}, {});
  EXPECT_TRUE(left[kMapped].name.empty());
  EXPECT_EQ(left.find(hash), kMapped);
  EXPECT_EQ(left[kMapped].name_for(address_of("10.1.2.3:5060")).sent_by, sent_by);
  EXPECT_FALSE(left[kMapped].has(SockAddress::Family::V4, sip::Transport::Udp));
}

TEST_F(SidesTest, WhoHasTheNameNowGoesBeforeOneThatHadIt) {
  const uint16_t hash = sides_[kMapped].hash;
  listeners_.push_back(listeners_[kMapped]);
  listeners_[kMapped].transports.clear();
  bound_.push_back(bound_[kMapped]);
  const Sides moved(listeners_, bound_, {}, {});
  EXPECT_EQ(moved.find(hash), listeners_.size() - 1);
}

TEST_F(SidesTest, TheFirstNameThatFitsCounts) {
  listeners_[kMapped].advertise = {{{net("10.0.0.0/8")}, "first"},
                                   {{net("10.1.0.0/16")}, "second"}};
  const Sides sides(listeners_, bound_, {}, {});
  EXPECT_EQ(sides[kMapped].name_for(address_of("10.1.0.1:5060")).sent_by, "first");
}

TEST_F(SidesTest, WhoFitsNoneKnowsTheBoundAddress) {
  listeners_[kMapped].advertise.pop_back();
  const Sides sides(listeners_, bound_, {}, {});
  EXPECT_EQ(sides[kMapped].name_for(address_of("198.51.100.1:5060")).sent_by, "10.0.0.1:5070");
  EXPECT_EQ(sides[2].name_for(address_of("[2001:db8::9]:5060")).sent_by, "[2001:db8::1]:5060");
}

TEST_F(SidesTest, KnowsItselfByEveryNameItHas) {
  EXPECT_TRUE(sides_.is_own_sent_by("EDGE.example", 5060));
  EXPECT_TRUE(sides_.is_own_sent_by("10.0.0.1", 40000));  // the real port, not the configured 0
  EXPECT_TRUE(sides_.is_own_sent_by("203.0.113.1", 5080));
  EXPECT_TRUE(sides_.is_own_sent_by("inside.example", 5071));
  EXPECT_TRUE(sides_.is_own_sent_by("[2001:DB8:0::1]", 5060));
  EXPECT_TRUE(sides_.is_own_sent_by("203.0.113.2", 5060));
}

TEST_F(SidesTest, TakesNobodyElseForItself) {
  EXPECT_FALSE(sides_.is_own_sent_by("edge.example", 5061));
  EXPECT_FALSE(sides_.is_own_sent_by("10.0.0.1", 5060));
  EXPECT_FALSE(sides_.is_own_sent_by("10.0.0.1", 0));
  EXPECT_FALSE(sides_.is_own_sent_by("203.0.113.2", 5090));  // of the wildcard, another port
  EXPECT_FALSE(sides_.is_own_sent_by("example", 5060));
  EXPECT_FALSE(sides_.is_own_sent_by("", 5060));
  EXPECT_FALSE(sides_.is_own_sent_by("sip.example", 5060));  // in URIs only: we do not write it
}

TEST_F(SidesTest, AUriIsOursByWhatWeAreCalledWithTheSchemesDefaultPort) {
  EXPECT_TRUE(is_ours("sip:edge.example"));
  EXPECT_TRUE(is_ours("sip:bob@203.0.113.1:5080;lr"));
  EXPECT_TRUE(is_ours("sips:edge.example:5060"));
  EXPECT_FALSE(is_ours("sips:edge.example"));  // that is port 5061
  EXPECT_FALSE(is_ours("sip:10.0.0.1"));
  EXPECT_FALSE(is_ours("tel:+12015550123"));
  EXPECT_FALSE(is_ours("urn:service:sos"));
}

TEST_F(SidesTest, AUriIsOursAtTheAddressOfAWildcardThatTheMessageCameTo) {
  EXPECT_TRUE(is_ours("sip:192.0.2.77:5090", "192.0.2.77"));
  EXPECT_FALSE(is_ours("sip:192.0.2.77:5090", "192.0.2.78"));
  EXPECT_FALSE(is_ours("sip:192.0.2.77:5060", "192.0.2.77"));
  EXPECT_FALSE(is_ours("sip:192.0.2.77:5090"));
}

TEST_F(SidesTest, APlaceIsOursAsAUriOfItIs) {
  const auto is_our_place = [this](std::string_view place, std::string_view local) {
    return sides_.is_ours(address_of(place), address_of(local));
  };
  EXPECT_TRUE(is_our_place("10.0.0.1:40000", "10.0.0.1:0"));     // bound
  EXPECT_TRUE(is_our_place("203.0.113.1:5080", "10.0.0.1:0"));   // advertised
  EXPECT_TRUE(is_our_place("192.0.2.77:5090", "192.0.2.77:0"));  // a wildcard's
  EXPECT_FALSE(is_our_place("192.0.2.77:5090", "192.0.2.78:0"));
  EXPECT_FALSE(is_our_place("203.0.113.1:5060", "10.0.0.1:0"));
}

TEST_F(SidesTest, AUriIsOursByAGlobalNameWithoutAPortOrWithAListeners) {
  EXPECT_TRUE(is_ours("sip:SIP.example"));
  EXPECT_TRUE(is_ours("sips:bob@sip.example"));
  EXPECT_TRUE(is_ours("sip:sip.example:5070"));
  EXPECT_TRUE(is_ours("sip:sip.example:40000"));
  EXPECT_FALSE(is_ours("sip:sip.example:5071"));  // advertised, but nobody listens there
  EXPECT_FALSE(is_ours("sip:www.sip.example"));
}

TEST_F(SidesTest, FindsAListenerByTheHashOfItsName) {
  EXPECT_EQ(sides_.find(sip::listener_hash("mapped")), kMapped);
  EXPECT_FALSE(sides_.find(sip::listener_hash("gone")).has_value());
}

// So that whoever we call first hears from the address that he answers to.
TEST_F(SidesTest, FromAWildcardItSendsFromTheNameThatTheRemoteEndKnows) {
  listeners_[kAny].advertise = {{{net("10.0.0.0/8")}, "10.0.0.2:5090"},
                                {{net("172.16.0.0/12")}, "edge.example"},
                                {{}, "203.0.113.2"}};
  const HostFacts host{
      .is_on_host = [](const SockAddress& address) { return net("10.0.0.0/8").contains(address); }};
  const Sides sides(listeners_, bound_, {}, host);
  const auto local = [&](transport::ListenerIndex listener, std::string_view remote) {
    const transport::Flow flow = sides.flow_to(listener, {address_of(remote)});
    EXPECT_EQ(flow.listener, listener);
    EXPECT_EQ(flow.remote, address_of(remote));
    return flow.local;
  };
  EXPECT_EQ(local(kAny, "10.1.2.3:5060"), address_of("10.0.0.2:0"));
  EXPECT_EQ(local(kAny, "172.16.0.1:5060"), SockAddress());
  EXPECT_EQ(local(kAny, "198.51.100.1:5060"), SockAddress());  // a NAT has that address, not we
  EXPECT_EQ(local(kMapped, "10.1.2.3:5060"), SockAddress());   // bound to one: nothing to choose
}

class SelectSideTest : public testing::Test {
 protected:
  // Towards a server, where the host sends by the interface that has `address`.
  [[nodiscard]] std::optional<transport::ListenerIndex> server_side(
      std::string_view address) const {
    const SockAddress interface = *SockAddress::parse_ip(address, 0);
    const SockAddress server = address_of("10.9.9.9:5060");
    return select_server_side(
        listeners_, {server},
        {.is_on_way = [&](const SockAddress& local, const SockAddress& remote) {
          return remote == server && local.same_ip(interface);
        }});
  }

  [[nodiscard]] std::optional<transport::ListenerIndex> client_side(
      SockAddress::Family family) const {
    return select_client_side(listeners_, family, sip::Transport::Udp);
  }

  std::vector<ListenerOptions> listeners_ = {
      {.name = "a", .address = address_of("10.0.0.1:5060")},
      {.name = "b", .address = address_of("10.0.0.1:5070"), .role = ListenerRole::Both},
      {.name = "c", .address = address_of("10.0.0.2:5060"), .role = ListenerRole::Servers},
      {.name = "d", .address = address_of("0.0.0.0:5080"), .role = ListenerRole::Clients}};
};

TEST_F(SelectSideTest, TowardsAServerTheWayCountsBeforeTheRole) {
  EXPECT_EQ(server_side("10.0.0.1"), 1);  // rather one that admits servers
  EXPECT_EQ(server_side("10.0.0.2"), 2);
  EXPECT_EQ(server_side("10.0.0.3"), 3);  // only the wildcard has that
  listeners_.pop_back();
  EXPECT_EQ(server_side("10.0.0.3"), 2);  // none: there may be a way all the same
}

TEST_F(SelectSideTest, WhereTheHostSaysNothingTheRoleDecides) {
  EXPECT_EQ(select_server_side(listeners_, {address_of("10.9.9.9:5060")}, {}), 2);
}

TEST_F(SelectSideTest, OfEqualsTheFirstInTheFileIsTaken) {
  listeners_.push_back(
      {.name = "e", .address = address_of("0.0.0.0:5090"), .role = ListenerRole::Servers});
  EXPECT_EQ(select_server_side(listeners_, {address_of("10.9.9.9:5060")}, {}), 2);
  EXPECT_EQ(client_side(SockAddress::Family::V4), 0);
}

TEST_F(SelectSideTest, TowardsClientsTheRoleDecides) {
  listeners_.erase(listeners_.begin());
  EXPECT_EQ(client_side(SockAddress::Family::V4), 2);
  listeners_.pop_back();
  EXPECT_EQ(client_side(SockAddress::Family::V4), 0);  // both before servers
}

TEST_F(SelectSideTest, NoneIsOfAnotherFamily) {
  const SockAddress six = address_of("[2001:db8::9]:5060");
  EXPECT_FALSE(select_server_side(listeners_, {six}, {}).has_value());
  EXPECT_FALSE(client_side(SockAddress::Family::V6).has_value());
  listeners_.push_back({.name = "six", .address = address_of("[::]:5060")});
  EXPECT_EQ(select_server_side(listeners_, {six}, {}), 4);
  EXPECT_EQ(client_side(SockAddress::Family::V6), 4);
}

TEST_F(SelectSideTest, NoneIsOfAnotherTransport) {
  const SockAddress server = address_of("10.9.9.9:5060");
  EXPECT_FALSE(select_server_side(listeners_, {server, sip::Transport::Tcp}, {}).has_value());
  listeners_[1].transports = {sip::Transport::Tcp};
  listeners_[3].transports = {sip::Transport::Udp, sip::Transport::Tcp};
  EXPECT_EQ(select_server_side(listeners_, {server, sip::Transport::Tcp}, {}), 1);
  EXPECT_EQ(select_client_side(listeners_, SockAddress::Family::V4, sip::Transport::Tcp), 3);
  EXPECT_EQ(select_client_side(listeners_, SockAddress::Family::V4, sip::Transport::Tls),
            std::nullopt);
  EXPECT_EQ(select_server_side(listeners_, {server}, {}), 2);
}

}  // namespace
}  // namespace siplb::proxy
