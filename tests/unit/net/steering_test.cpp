#include "net/steering.h"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/udp_socket.h"
#include "support/loopback.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;
using test::Peer;

constexpr SteeringOptions kOptions{.prefix = "SIP/", .mark = 'Q', .mark_length = 7};
constexpr std::string_view kMark = "QQQQQQQ";
constexpr size_t kLanes = 12;
// The lane that messages name here.
constexpr size_t kNamed = 11;

std::string mark_of(size_t lane) {
  return std::string(kMark) + (lane < 10 ? "0" : "") + std::to_string(lane);
}

// A response with this at that offset, long enough that its end does not matter.
std::string message_with(std::string_view text, size_t offset) {
  std::string message = "SIP/2.0 " + std::string(800, 'x');
  return message.replace(offset, text.size(), text);
}

// The kernel runs the program, on a group of real sockets.
class SteeringTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    open_group();
    ASSERT_TRUE(group_.front().steer(steering_program(kOptions)));
    choose_peer();
  }

  // As a listener does: the first lets the others in only after its bind.
  void open_group() {
    UdpSocketOptions options{.address = test::loopback(GetParam())};
    for (size_t lane = 0; lane < kLanes; ++lane) {
      auto opened = UdpSocket::open(options);
      ASSERT_TRUE(opened);
      if (lane == 0) {
        ASSERT_TRUE(opened->share_port());
        options.address = opened->address();
        options.reuse_port = true;
      }
      group_.push_back(std::move(*opened));
    }
  }

  // One whose datagrams the flow hash gives neither to the lane that they name, nor to lane 0: what
  // a program returns that ends itself.
  void choose_peer() {
    for (hashed_ = 0; hashed_ == 0 || hashed_ == kNamed;) {
      peer_.emplace(GetParam());
      hashed_ = lane_of("unsteered");
    }
  }

  size_t lane_of(std::string_view octets) {
    peer_->send(group_.front().address(), octets);
    std::array<pollfd, kLanes> waiting;
    for (size_t lane = 0; lane < kLanes; ++lane) waiting[lane] = {group_[lane].fd(), POLLIN, 0};
    EXPECT_EQ(::poll(waiting.data(), waiting.size(), test::kPatienceMs), 1);
    size_t lane = 0;
    while (lane + 1 < kLanes && waiting[lane].revents == 0) ++lane;
    std::array<char, 2048> room;
    EXPECT_EQ(::recv(group_[lane].fd(), room.data(), room.size(), 0),
              static_cast<ssize_t>(octets.size()));
    return lane;
  }

  std::vector<UdpSocket> group_;
  std::optional<Peer> peer_;
  size_t hashed_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Loopback, SteeringTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(SteeringTest, FindsEveryLane) {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    EXPECT_EQ(lane_of(message_with(mark_of(lane), 100)), lane);
  }
}

TEST_P(SteeringTest, FindsTheMarkAtEveryOffset) {
  // The last word that is looked at begins at 508.
  for (size_t offset = 4; offset <= 508; ++offset) {
    ASSERT_EQ(lane_of(message_with(mark_of(kNamed), offset)), kNamed) << offset;
  }
}

TEST_P(SteeringTest, LooksNoFurtherThanItsLimit) {
  for (size_t offset = 509; offset < 600; ++offset) {
    ASSERT_EQ(lane_of(message_with(mark_of(kNamed), offset)), hashed_) << offset;
  }
}

TEST_P(SteeringTest, LeavesWhatIsCutOffToTheFlowHash) {
  for (const size_t offset : {20U, 21U, 22U, 23U, 100U, 490U, 508U}) {
    const std::string whole = message_with(mark_of(kNamed), offset);
    const size_t end = offset + mark_of(kNamed).size();
    for (size_t length = 0; length < end; ++length) {
      ASSERT_EQ(lane_of(whole.substr(0, length)), hashed_) << offset << " cut at " << length;
    }
    // Close to the end of a message the mark may be missed, but nothing else is read.
    for (size_t length = end; length < end + 40; ++length) {
      const size_t lane = lane_of(whole.substr(0, length));
      ASSERT_TRUE(lane == kNamed || (lane == hashed_ && length < end + 32))
          << lane << " for " << offset << " cut at " << length;
    }
  }
}

TEST_P(SteeringTest, LeavesAllElseToTheFlowHash) {
  const std::string mark = mark_of(kNamed);
  struct Case {
    const char* description;
    std::string message;
  };
  for (const Case& c : {
           Case{"no mark", message_with("", 100)},
           Case{"a request", message_with(mark, 100).replace(0, 4, "INFO")},
           Case{"a request in lower case", message_with(mark, 100).replace(0, 4, "sip/")},
           Case{"a mark in lower case", message_with("qqqqqqq11", 100)},
           Case{"too many of the mark's letters", message_with("QQQQ" + mark, 100)},
           Case{"a word of the mark too short", message_with("QQQ11", 100)},
           Case{"runs of three", message_with("QQQxQQQxQQQxQQQx11", 100)},
           Case{"the first is below the digits", message_with(std::string(kMark) + "/1", 100)},
           Case{"the first is above the digits", message_with(std::string(kMark) + ":1", 100)},
           Case{"the second is below the digits", message_with(std::string(kMark) + "1/", 100)},
           Case{"the second is above the digits", message_with(std::string(kMark) + "1:", 100)},
           Case{"an octet of eight bits", message_with(std::string(kMark) + "1\xB1", 100)},
           Case{"a lane more than there are", message_with(mark_of(kLanes), 100)},
           Case{"the highest number", message_with(mark_of(99), 100)},
       }) {
    EXPECT_EQ(lane_of(c.message), hashed_) << c.description;
  }
}

TEST_P(SteeringTest, TakesTheFirstMark) {
  const std::string both = message_with(mark_of(kNamed), 100).replace(200, 9, mark_of(0));
  EXPECT_EQ(lane_of(both), kNamed);
}

TEST(SteeringAttachTest, FailsWhereNobodySharesThePort) {
  auto alone = UdpSocket::open({.address = test::loopback(Family::V4)});
  ASSERT_TRUE(alone);
  const auto steered = alone->steer(steering_program(kOptions));
  ASSERT_FALSE(steered);
  EXPECT_EQ(steered.error().code, ErrorCode::SocketOption);
  EXPECT_EQ(steered.error().sys_errno, EINVAL);
}

}  // namespace
}  // namespace siplb::net
