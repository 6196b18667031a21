#include "observe/vitals.h"

#include <memory>

#include <gtest/gtest.h>

#include "support/snapshot.h"

namespace siplb::observe {
namespace {

class VitalsTest : public testing::Test {
 protected:
  static std::unique_ptr<proxy::Snapshot> three_servers() {
    const balance::GroupOptions pbx{
        .name = "pbx",
        .servers = {{.name = "one", .address = SockAddress::v4(0x7f000001, 5071)},
                    {.name = "two", .address = SockAddress::v4(0x7f000001, 5072)},
                    {.name = "empty", .address = {}}}};
    return std::make_unique<proxy::Snapshot>(test::make_snapshot({.groups = {pbx}, .routes = {}}));
  }

  Published<proxy::Snapshot> snapshots_{1, three_servers()};
};

TEST_F(VitalsTest, CountsServersThatHaveAnAddressAndTheCallsOfAll) {
  auto status = std::make_unique<balance::PoolStatus>(3, 1);
  status->servers[0].health = balance::HealthState::Down;
  Published<balance::PoolStatus> statuses(1, std::move(status));
  balance::CallCounts calls(3);
  for (const int server : {0, 0, 1}) calls.add_active(static_cast<balance::ServerIndex>(server));
  const Vitals seen = vitals({.snapshots = snapshots_, .calls = &calls, .status = &statuses});
  EXPECT_EQ(seen.servers, 2U);
  EXPECT_EQ(seen.servers_up, 1U);
  EXPECT_EQ(seen.calls, 3U);
  EXPECT_EQ(seen.messages, 0U);
}

TEST_F(VitalsTest, TakesServersForUpBeforeAnybodyHasLooked) {
  EXPECT_EQ(vitals({.snapshots = snapshots_}).servers_up, 2U);
}

}  // namespace
}  // namespace siplb::observe
