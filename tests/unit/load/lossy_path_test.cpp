#include "load/lossy_path.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

constexpr int kMessages = 1000;

// Both ends of a path: what gets through stands here.
class Ends final : public transport::Wire, public transport::Receiver {
 public:
  transport::SendStatus send(const transport::Flow&,
                             std::span<const std::string_view> pieces) override {
    sent.emplace_back(pieces.front());
    return status;
  }
  void on_batch(std::span<transport::Inbound> batch, Instant) override {
    ++batches;
    for (const transport::Inbound& inbound : batch) {
      received.emplace_back(inbound.octets.data(), inbound.octets.size());
    }
  }

  std::vector<std::string> sent;
  std::vector<std::string> received;
  void on_disconnected(const transport::Flow& connection, uint64_t lanes) override {
    disconnected.emplace_back(connection.listener, lanes);
  }

  std::vector<std::pair<int, uint64_t>> disconnected;
  int batches = 0;
  transport::SendStatus status = transport::SendStatus::Queued;
};

std::vector<std::string> sent_over(double share, uint64_t seed) {
  Ends ends;
  LossyWire wire(ends, share, seed);
  for (int i = 0; i < kMessages; ++i) {
    const std::string text = std::to_string(i);
    const std::string_view piece = text;
    EXPECT_EQ(wire.send({}, {&piece, 1}), transport::SendStatus::Queued);
  }
  EXPECT_EQ(wire.lost() + ends.sent.size(), uint64_t{kMessages});
  return ends.sent;
}

TEST(LossyWireTest, LosesTheShareItIsToldTo) {
  EXPECT_EQ(sent_over(0, 1).size(), size_t{kMessages});
  EXPECT_EQ(sent_over(1, 1).size(), 0U);
  EXPECT_NEAR(static_cast<double>(sent_over(0.05, 1).size()), 950, 25);
}

TEST(LossyWireTest, LosesTheSameForTheSameSeedOnly) {
  EXPECT_EQ(sent_over(0.5, 1), sent_over(0.5, 1));
  EXPECT_NE(sent_over(0.5, 1), sent_over(0.5, 2));
}

TEST(LossyWireTest, PassesOnWhatTheWireSays) {
  Ends ends;
  ends.status = transport::SendStatus::QueueFull;
  const std::string_view piece = "x";
  EXPECT_EQ(LossyWire(ends, 0, 1).send({}, {&piece, 1}), transport::SendStatus::QueueFull);
}

TEST(LossyReceiverTest, LosesSomeOfABatchAndKeepsTheRestInOrder) {
  Ends ends;
  LossyReceiver receiver(ends, 0.5, 1);
  std::string text = "abcdefgh";
  std::vector<transport::Inbound> batch;
  for (char& letter : text) batch.push_back({{&letter, 1}, {}});
  receiver.on_batch(batch, Instant{});
  EXPECT_EQ(receiver.lost() + ends.received.size(), text.size());
  EXPECT_GT(receiver.lost(), 0U);
  EXPECT_GT(ends.received.size(), 0U);
  EXPECT_TRUE(std::is_sorted(ends.received.begin(), ends.received.end()));
}

TEST(LossyReceiverTest, SaysNothingOfABatchThatIsLostWhole) {
  Ends ends;
  LossyReceiver receiver(ends, 1, 1);
  char letter = 'a';
  transport::Inbound inbound{{&letter, 1}, {}};
  receiver.on_batch({&inbound, 1}, Instant{});
  EXPECT_EQ(ends.batches, 0);
  EXPECT_EQ(receiver.lost(), 1U);
}

TEST(LossyReceiverTest, LosesNoWordOfAConnectionThatHasEnded) {
  Ends ends;
  LossyReceiver(ends, 1, 1).on_disconnected({.listener = 3}, 5);
  EXPECT_EQ(ends.disconnected, (std::vector<std::pair<int, uint64_t>>{{3, 5}}));
}

}  // namespace
}  // namespace siplb::load
