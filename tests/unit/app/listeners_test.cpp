#include "app/listeners.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

namespace siplb::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using transport::ListenerOptions;
using transport::ListenerSockets;

constexpr auto kUdp = sip::Transport::Udp;
constexpr auto kTcp = sip::Transport::Tcp;

ListenerOptions listener(const std::string& name, const SockAddress& address,
                         std::vector<sip::Transport> transports = {kUdp, kTcp}) {
  return {.name = name, .address = address, .transports = std::move(transports)};
}

SockAddress on_loopback(uint16_t port = 0) {
  return SockAddress::v4(0x7f000001, port);
}

class ListenersTest : public testing::Test {
 protected:
  StartResult<std::vector<ListenerSockets>> open(std::vector<ListenerOptions> wanted,
                                                 std::vector<ListenerOptions> open = {}) {
    return open_listeners({.wanted = wanted, .open = open, .lanes = 2},
                          std::vector<ListenerSockets>(wanted.size()), log_);
  }

  std::ostringstream out_;
  observe::EventLog log_{{.sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)}};
};

TEST_F(ListenersTest, OpensASocketForEachLaneAndTransport) {
  const auto opened = open({listener("a", on_loopback()), listener("b", on_loopback(), {kTcp})});
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)[0].by_lane.size(), 2u);
  EXPECT_EQ((*opened)[0].streams_by_lane.size(), 2u);
  EXPECT_TRUE((*opened)[1].by_lane.empty());
  EXPECT_EQ((*opened)[1].streams_by_lane.size(), 2u);
}

TEST_F(ListenersTest, OpensNothingOfOneWithoutTransports) {
  const auto opened = open({listener("left", on_loopback(), {}), listener("a", on_loopback())});
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE((*opened)[0].by_lane.empty());
  EXPECT_TRUE((*opened)[0].streams_by_lane.empty());
}

TEST_F(ListenersTest, NamesTheOneThatCannotBeOpened) {
  const auto first = open({listener("a", on_loopback())});
  ASSERT_TRUE(first.has_value());
  const SockAddress taken = first->front().address;
  const auto second = open({listener("b", on_loopback()), listener("c", taken)});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().error.code, ErrorCode::AddressInUse);
  EXPECT_EQ(second.error().subject, "listener c (" + std::string(taken.text()) + ")");
}

// A listener that is called otherwise now, or has the other transport as well.
TEST_F(ListenersTest, SharesThePortOfOneThatIsOpenAlready) {
  const auto first = open({listener("a", on_loopback())});
  ASSERT_TRUE(first.has_value());
  const ListenerOptions now = listener("a", first->front().address);
  EXPECT_TRUE(open({listener("b", now.address)}, {now}).has_value());
}

TEST_F(ListenersTest, SharesThePortOfOneOverAnotherTransportWithNobody) {
  const auto first = open({listener("a", on_loopback())});
  ASSERT_TRUE(first.has_value());
  const ListenerOptions now = listener("a", first->front().address, {kTcp});
  EXPECT_FALSE(open({listener("b", now.address)}, {now}).has_value());
}

TEST_F(ListenersTest, WildcardsAndSingleAddressesShareAPortWhicheverCameFirst) {
  const auto first = open({listener("a", on_loopback())});
  ASSERT_TRUE(first.has_value());
  const uint16_t port = first->front().address.port();
  const ListenerOptions one = listener("a", on_loopback(port));
  const ListenerOptions all = listener("b", SockAddress::v4(0, port));
  EXPECT_TRUE(open({all}, {one}).has_value());

  const auto wildcard = open({listener("c", SockAddress::v4(0, 0))});
  ASSERT_TRUE(wildcard.has_value());
  const uint16_t other = wildcard->front().address.port();
  EXPECT_TRUE(open({listener("d", on_loopback(other))}, {listener("c", SockAddress::v4(0, other))})
                  .has_value());
  EXPECT_TRUE(
      open({listener("e", on_loopback(port)), listener("f", SockAddress::v4(0, port))}, {one})
          .has_value());
}

TEST_F(ListenersTest, NamesWhatIsKeptForTheNextProcess) {
  const std::vector<ListenerOptions> listeners = {listener("a", on_loopback()),
                                                  listener("left", on_loopback(), {})};
  const auto opened = open(listeners);
  ASSERT_TRUE(opened.has_value());
  std::vector<std::string> names;
  for (const StoredSocket& each : stored_sockets(listeners, *opened)) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("v1-a-udp-0", "v1-a-udp-1", "v1-a-tcp-0", "v1-a-tcp-1"));
  EXPECT_EQ(stored_sockets(listeners, *opened)[3].fd, opened->front().streams_by_lane[1].fd());
}

TEST_F(ListenersTest, ReportsEachTransport) {
  const std::vector<ListenerOptions> listeners = {listener("a", on_loopback())};
  const auto opened = open(listeners);
  ASSERT_TRUE(opened.has_value());
  report_listening(listeners, *opened, log_);
  const std::string address(opened->front().address.text());
  EXPECT_THAT(out_.str(), HasSubstr("listening listener=a transport=udp address=" + address));
  EXPECT_THAT(out_.str(), HasSubstr("listening listener=a transport=tcp address=" + address));
}

}  // namespace
}  // namespace siplb::app
