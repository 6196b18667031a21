#include "net/datagram_batch.h"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "net/udp_socket.h"
#include "support/loopback.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;

class NoErrors : public UdpErrorHandler {
 public:
  void on_icmp_error(const IcmpError&) override { ADD_FAILURE() << "ICMP error"; }
  void on_send_error(const OutgoingDatagram&, int) override { ADD_FAILURE() << "send error"; }
};

class DatagramBatchTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = UdpSocket::open({.address = test::loopback(Family::V4)});
    ASSERT_TRUE(opened);
    socket_.emplace(std::move(*opened));
    auto reserved = DatagramBatch::reserve({.datagrams_max = 3, .octets_max = 16});
    ASSERT_TRUE(reserved);
    batch_ = std::move(*reserved);
  }

  void send(std::string_view octets) { peer_.send(socket_->address(), octets); }
  ReceiveStatus receive() { return socket_->receive(*batch_, errors_); }
  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& datagram : batch_->datagrams()) {
      texts.emplace_back(datagram.octets.begin(), datagram.octets.end());
    }
    return texts;
  }

  test::Peer peer_{Family::V4};
  std::optional<UdpSocket> socket_;
  std::unique_ptr<DatagramBatch> batch_;
  NoErrors errors_;
};

TEST_F(DatagramBatchTest, IsEmptyAtFirst) {
  EXPECT_TRUE(batch_->datagrams().empty());
  EXPECT_EQ(batch_->datagrams_max(), 3U);
  EXPECT_EQ(batch_->truncated(), 0U);
}

TEST_F(DatagramBatchTest, IsEmptyAfterAReceiveThatFoundNothing) {
  send("one");
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  EXPECT_EQ(texts(), std::vector<std::string>{"one"});
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  EXPECT_TRUE(batch_->datagrams().empty());
}

TEST_F(DatagramBatchTest, FillsAndIsUsedAgain) {
  for (const auto* text : {"1", "2", "3", "4", "5"}) send(text);
  EXPECT_EQ(receive(), ReceiveStatus::Full);
  EXPECT_EQ(texts(), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  EXPECT_EQ(texts(), (std::vector<std::string>{"4", "5"}));
}

TEST_F(DatagramBatchTest, GivesEmptyDatagramsAndThoseThatJustFit) {
  send("");
  send("0123456789abcdef");
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  EXPECT_EQ(texts(), (std::vector<std::string>{"", "0123456789abcdef"}));
  EXPECT_EQ(batch_->datagrams()[0].remote, peer_.address());
}

TEST_F(DatagramBatchTest, LeavesOutWhatWasCutOff) {
  send("0123456789abcdefg");
  send("short");
  send("0123456789abcdefgh");
  EXPECT_EQ(receive(), ReceiveStatus::Full);
  EXPECT_EQ(texts(), std::vector<std::string>{"short"});
  EXPECT_EQ(batch_->truncated(), 2U);
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  EXPECT_EQ(batch_->truncated(), 0U);
}

TEST_F(DatagramBatchTest, OctetsAreWritable) {
  send("70");
  EXPECT_EQ(receive(), ReceiveStatus::Drained);
  batch_->datagrams()[0].octets[0] = '6';
  EXPECT_EQ(texts(), std::vector<std::string>{"60"});
}

TEST(DatagramBatchReserveTest, ReportsWhatTheSystemCannotReserve) {
  const auto reserved = DatagramBatch::reserve({.datagrams_max = 1, .octets_max = SIZE_MAX / 2});
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().code, ErrorCode::MemoryReserve);
}

}  // namespace
}  // namespace siplb::net
