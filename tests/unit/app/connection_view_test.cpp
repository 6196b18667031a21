#include "app/connection_view.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using transport::ConnectionCensus;
using transport::ConnectionId;

struct Wanted {
  SockAddress remote;
  uint8_t lane = 0;
  transport::ListenerIndex listener = 0;
  bool is_outbound = false;
};

class ConnectionViewTest : public testing::Test {
 protected:
  void add(const Wanted& wanted) {
    const ConnectionId id({.lane = wanted.lane,
                           .is_outbound = wanted.is_outbound,
                           .slot = slots_++,
                           .generation = 1});
    census_.set_alive({.remote = wanted.remote, .listener = wanted.listener, .connection = id});
  }

  uint32_t slots_ = 0;
  ConnectionCensus census_{{.lanes = 4, .channels = 64, .connections_per_source = 3}};
};

SockAddress v4(uint32_t number) {
  return SockAddress::v4(0x0a000000 + number, 40000);
}

TEST_F(ConnectionViewTest, IsEmptyWithoutConnections) {
  const ConnectionsView view = connections_view(census_, 2);
  EXPECT_EQ(view.all, ConnectionCounts());
  EXPECT_EQ(view.by_worker.size(), 2u);
  EXPECT_TRUE(view.busiest.empty());
  EXPECT_TRUE(sources_at_limit(census_).empty());
}

TEST_F(ConnectionViewTest, CountsByDirectionListenerAndWorker) {
  add({.remote = v4(1), .lane = 0});
  add({.remote = v4(2), .lane = 3, .listener = 1});
  add({.remote = v4(3), .lane = 1, .listener = 1, .is_outbound = true});
  const ConnectionsView view = connections_view(census_, 2);
  EXPECT_EQ(view.all, (ConnectionCounts{2, 1}));
  EXPECT_EQ(view.by_listener[0], (ConnectionCounts{1, 0}));
  EXPECT_EQ(view.by_listener[1], (ConnectionCounts{1, 1}));
  EXPECT_EQ(view.by_worker[0], (ConnectionCounts{1, 0}));
  EXPECT_EQ(view.by_worker[1], (ConnectionCounts{1, 1}));
}

TEST_F(ConnectionViewTest, ShowsTheBusiestSourcesFirst) {
  for (uint32_t i = 0; i < kSourcesShown + 5; ++i) add({.remote = v4(i)});
  add({.remote = v4(7)});
  for (const char* text : {"[2001:db8::1]:5060", "[2001:db8::2]:5060", "[2001:db8::3]:5060"}) {
    add({.remote = *SockAddress::parse(text)});
  }
  add({.remote = v4(9), .is_outbound = true});
  const ConnectionsView view = connections_view(census_, 1);
  ASSERT_EQ(view.busiest.size(), kSourcesShown);
  EXPECT_EQ(source_text(view.busiest[0].source), "2001:db8::/64");
  EXPECT_EQ(view.busiest[0].connections, 3u);
  EXPECT_EQ(source_text(view.busiest[1].source), "10.0.0.7");
  EXPECT_EQ(view.busiest[1].connections, 2u);
  EXPECT_EQ(view.busiest[2].connections, 1u);
}

TEST_F(ConnectionViewTest, TellsWhoMayHaveNoMore) {
  for (int i = 0; i < 3; ++i) add({.remote = v4(1)});
  for (int i = 0; i < 2; ++i) add({.remote = v4(2)});
  const auto sources = sources_at_limit(census_);
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(source_text(sources[0].source), "10.0.0.1");
  EXPECT_EQ(sources[0].connections, 3u);
}

TEST(ConnectionViewBoundTest, TellsOfSoManySourcesAtTheirLimitOnly) {
  ConnectionCensus census({.lanes = 1, .channels = 256, .connections_per_source = 1});
  for (uint32_t i = 0; i < kSourcesAtLimitShown + 1; ++i) {
    census.set_alive({.remote = v4(i), .connection = ConnectionId({.slot = i, .generation = 1})});
  }
  EXPECT_EQ(sources_at_limit(census).size(), kSourcesAtLimitShown);
}

}  // namespace
}  // namespace siplb::app
