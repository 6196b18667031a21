#include "proxy/sender.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

class SenderTest : public LaneTest {};

TEST_F(SenderTest, IsAServerByAddressAndPortWhereServersAreAdmitted) {
  const Sender sender = find_sender(snapshot_, from_server("10.0.3.2:5060"));
  EXPECT_TRUE(sender.is_server());
  EXPECT_EQ(sender.groups, 1U << kVoicemail);
  EXPECT_EQ(snapshot_.topology.servers()[sender.server].name, "v2");
  EXPECT_NE(sender.affinity_group, 0U);
}

TEST_F(SenderTest, IsAClientWithAnotherPort) {
  EXPECT_FALSE(find_sender(snapshot_, from_server("10.0.3.2:5061")).is_server());
}

TEST_F(SenderTest, IsAClientOnAListenerForClientsWhateverItsAddress) {
  const Sender sender = find_sender(snapshot_, from_client("10.0.2.1:5060"));
  EXPECT_FALSE(sender.is_server());
  EXPECT_EQ(sender.server, balance::kNoServer);
  EXPECT_EQ(sender.affinity_group, 0U);
}

TEST_F(SenderTest, IsAServerByASourceWhereServersAreAdmitted) {
  auto input = two_groups();
  input.groups[kVoicemail].servers[1].sources = {*Network::parse("10.8.0.0/16")};
  snapshot_ = test::make_snapshot(input);
  const Sender sender = find_sender(snapshot_, from_server("10.8.7.6:40000"));
  ASSERT_TRUE(sender.is_server());
  EXPECT_EQ(snapshot_.topology.servers()[sender.server].name, "v2");
  EXPECT_FALSE(find_sender(snapshot_, from_client("10.8.7.6:40000")).is_server());
}

TEST_F(SenderTest, OverAStreamIsAServerByItsAddressOnlyWhereWeOpenedIt) {
  auto input = two_groups();
  input.groups[kVoicemail].servers[1].sources = {*Network::parse("10.8.0.0/16")};
  snapshot_ = test::make_snapshot(input);
  const auto is_server = [&](std::string_view address, Opened opened) {
    return find_sender(snapshot_, over_stream(from_server(address), opened)).is_server();
  };
  EXPECT_TRUE(is_server("10.0.3.2:5060", Opened::ByUs));
  EXPECT_FALSE(is_server("10.0.3.2:5060", Opened::ByThem));
  EXPECT_TRUE(is_server("10.8.7.6:40000", Opened::ByThem));
}

TEST_F(SenderTest, AffinityGroupsDifferAndStayTheSameAfterARestart) {
  auto input = two_groups();
  input.instance = 2;
  const Snapshot next = test::make_snapshot(input);
  const auto pbx = from_server("10.0.2.1:5060");
  const auto voicemail = from_server("10.0.3.1:5060");
  EXPECT_NE(find_sender(snapshot_, pbx).affinity_group,
            find_sender(snapshot_, voicemail).affinity_group);
  EXPECT_EQ(find_sender(snapshot_, pbx).affinity_group, find_sender(next, pbx).affinity_group);
}

}  // namespace
}  // namespace siplb::proxy
