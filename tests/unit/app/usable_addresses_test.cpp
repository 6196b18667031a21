#include "app/usable_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/snapshot.h"

namespace siplb::app {
namespace {

using sip::Transport;
using testing::ElementsAre;
using testing::IsEmpty;

SockAddress ip_address(std::string_view text) {
  const auto address = SockAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(SockAddress{});
}

transport::ListenerOptions listener(std::string name, std::string_view address,
                                    std::vector<Transport> transports = {Transport::Udp}) {
  return {
      .name = std::move(name), .address = ip_address(address), .transports = std::move(transports)};
}

class UsableAddressesTest : public testing::Test {
 protected:
  // Those that are left, as text.
  [[nodiscard]] std::vector<std::string> usable(
      std::initializer_list<std::string_view> addresses) const {
    std::vector<NamedAddress> all;
    for (const std::string_view text : addresses) all.push_back({.address = ip_address(text)});
    const auto snapshot =
        test::make_snapshot({.listeners = listeners_, .groups = {}, .routes = {}});
    std::vector<std::string> left;
    for (const auto& each : usable_addresses(all, {group_, server_}, snapshot.sides)) {
      left.emplace_back(each.address.text());
    }
    return left;
  }

  std::vector<transport::ListenerOptions> listeners_ = {listener("main", "127.0.0.1:5060")};
  balance::GroupOptions group_;
  balance::ServerOptions server_;
};

TEST_F(UsableAddressesTest, AreThoseOfAListenersFamily) {
  EXPECT_THAT(usable({"10.0.0.1:5060", "[2001:db8::1]:5060"}), ElementsAre("10.0.0.1:5060"));
  listeners_.push_back(listener("six", "[::1]:5060"));
  EXPECT_THAT(usable({"10.0.0.1:5060", "[2001:db8::1]:5060"}),
              ElementsAre("10.0.0.1:5060", "[2001:db8::1]:5060"));
}

TEST_F(UsableAddressesTest, AreThoseThatAListenerOfTheirTransportsLeadsTo) {
  server_.transport = Transport::Tcp;
  EXPECT_THAT(usable({"10.0.0.1:5060"}), IsEmpty());
  listeners_.push_back(listener("six", "[::1]:5060", {Transport::Tcp}));
  EXPECT_THAT(usable({"10.0.0.1:5060"}), IsEmpty());
  listeners_.push_back(listener("streams", "127.0.0.1:5061", {Transport::Tcp}));
  EXPECT_THAT(usable({"10.0.0.1:5060"}), ElementsAre("10.0.0.1:5060"));
}

TEST_F(UsableAddressesTest, NeedOneListenerForBothTransports) {
  server_.takes_tcp = true;
  listeners_.push_back(listener("streams", "127.0.0.1:5061", {Transport::Tcp}));
  EXPECT_THAT(usable({"10.0.0.1:5060"}), IsEmpty());
  listeners_.push_back(listener("all", "127.0.0.1:5062", {Transport::Udp, Transport::Tcp}));
  EXPECT_THAT(usable({"10.0.0.1:5060"}), ElementsAre("10.0.0.1:5060"));
}

TEST_F(UsableAddressesTest, AreThoseThatTheGroupsListenerLeadsTo) {
  listeners_.push_back(listener("six", "[::1]:5060"));
  group_.listener = 1;
  EXPECT_THAT(usable({"10.0.0.1:5060", "[2001:db8::1]:5060"}), ElementsAre("[2001:db8::1]:5060"));
}

TEST_F(UsableAddressesTest, AreNoListeners) {
  EXPECT_THAT(usable({"127.0.0.1:5060", "127.0.0.1:5061"}), ElementsAre("127.0.0.1:5061"));
}

TEST_F(UsableAddressesTest, AreNotWhatIsAdvertised) {
  listeners_[0].advertise = {{.to = {}, .as = "192.0.2.1:5062"}};
  EXPECT_THAT(usable({"192.0.2.1:5062", "192.0.2.1:5060"}), ElementsAre("192.0.2.1:5060"));
}

TEST_F(UsableAddressesTest, AreNotOfThisHostAtTheWildcardsPort) {
  listeners_ = {listener("all", "0.0.0.0:5060")};
  listeners_[0].advertise = {{.to = {}, .as = "sip.example.com"}};
  EXPECT_THAT(usable({"127.0.0.1:5060", "127.0.0.2:5060", "127.0.0.1:5061", "192.0.2.1:5060"}),
              ElementsAre("127.0.0.1:5061", "192.0.2.1:5060"));
}

TEST_F(UsableAddressesTest, KeepRankAndShare) {
  const std::vector<NamedAddress> all = {
      {.address = ip_address("10.0.0.1:5060"), .rank = 2, .share = 7}};
  const auto snapshot = test::make_snapshot({.listeners = listeners_, .groups = {}, .routes = {}});
  EXPECT_EQ(usable_addresses(all, {group_, server_}, snapshot.sides), all);
}

}  // namespace
}  // namespace siplb::app
