#include "app/call_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/sip_builder.h"
#include "support/snapshot.h"
#include "support/surroundings.h"

namespace siplb::app {
namespace {

using test::SipBuilder;
using testing::ElementsAre;
using Json = nlohmann::json;

constexpr std::chrono::hours kLong{1};

const SockAddress kServer = SockAddress::v4(0x0a000201, 5060);
const SockAddress kClient = SockAddress::v4(0xc0000201, 5060);

// Two workers, as far as a trace sees them.
class CallTraceTest : public testing::Test {
 protected:
  void begin(CallTrace::Wanted wanted) {
    const auto number = turn_->try_take();
    ASSERT_TRUE(number.has_value());
    wanted.filter.number = *number;
    trace_ = std::make_unique<CallTrace>(
        tracers_, std::move(wanted),
        CallTrace::Names{.servers = {"pbx/s1"}, .listeners = {"public", ""}}, turn_);
    EXPECT_TRUE(next().front().contains("trace"));
  }
  // One worker's lane sends a response, in a tick of its own.
  void send(proxy::Tracer& by, const SockAddress& to, std::string_view call_id = "call") {
    if (by.look() == nullptr) return;
    const std::string text = SipBuilder::response(200).call_id(call_id).str();
    const std::string_view piece = text;
    by.on_sent(5, {.remote = to}, {&piece, 1}, transport::SendStatus::Queued);
    by.publish();
  }
  // The lines of the next piece, parsed.
  std::vector<Json> next() {
    std::vector<Json> lines;
    std::istringstream piece(trace_->next().value_or("{}"));
    for (std::string line; std::getline(piece, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  const proxy::Snapshot snapshot_ = test::make_snapshot(
      {.listeners = {{.name = "public",
                      .address = SockAddress::v4(0x0a000001, 5060),
                      .role = transport::ListenerRole::Both}},
       .groups = {{.name = "pbx", .servers = {{.name = "s1", .address = kServer}}}},
       .routes = {}});
  test::Surroundings around_{snapshot_};
  proxy::Tick tick_{.now = Clock::now()};
  std::array<std::unique_ptr<proxy::Tracer>, 2> workers_ = {
      std::make_unique<proxy::Tracer>(around_.outlook, tick_),
      std::make_unique<proxy::Tracer>(around_.outlook, tick_)};
  std::vector<proxy::Tracer*> tracers_ = {workers_[0].get(), workers_[1].get()};
  std::shared_ptr<TraceTurn> turn_ = std::make_shared<TraceTurn>();
  std::unique_ptr<CallTrace> trace_;
};

TEST_F(CallTraceTest, SaysItsBoundsFirst) {
  const auto number = turn_->try_take();
  CallTrace trace(
      tracers_,
      {.filter = {.number = *number}, .time_max = std::chrono::seconds(9), .count_max = 5}, {},
      turn_);
  EXPECT_EQ(trace.next(), "{\"trace\":{\"seconds\":9,\"count\":5}}\n");
}

TEST_F(CallTraceTest, TellsMessagesInJson) {
  begin({.time_max = kLong, .count_max = 100});
  tick_.now = Clock::now();
  send(*workers_[0], kServer);
  const auto lines = next();
  ASSERT_EQ(lines.size(), 1u);
  Json line = lines.front();
  EXPECT_GE(line["seconds"], 0);
  EXPECT_TRUE(line["time"].get<std::string>().ends_with("Z"));
  line.erase("seconds");
  line.erase("time");
  EXPECT_EQ(line, Json({{"way", "out"},
                        {"lane", 5},
                        {"listener", "public"},
                        {"transport", "udp"},
                        {"remote", "10.0.2.1:5060"},
                        {"server", "pbx/s1"},
                        {"call_id", "call"},
                        {"message", "200 OK"},
                        {"cseq", "1 INVITE"},
                        {"decision", "sent"},
                        {"reason", nullptr}}));
}

TEST_F(CallTraceTest, NamesNoServerWhereThereIsNone) {
  begin({.time_max = kLong, .count_max = 100});
  send(*workers_[0], kClient);
  EXPECT_EQ(next().front()["server"], nullptr);
}

TEST_F(CallTraceTest, PutsWhatWorkersTellInTheOrderOfTime) {
  begin({.time_max = kLong, .count_max = 100});
  const Instant now = Clock::now();
  for (size_t i = 0; i < 4; ++i) {
    tick_.now = now + std::chrono::milliseconds(i);
    send(*workers_[1 - i % 2], kServer, std::to_string(i));
  }
  std::vector<std::string> calls;
  for (const Json& line : next()) calls.push_back(line["call_id"]);
  EXPECT_THAT(calls, ElementsAre("0", "1", "2", "3"));
}

TEST_F(CallTraceTest, EndsWhenSoManyMessagesAreTold) {
  begin({.time_max = kLong, .count_max = 2});
  for (int i = 0; i < 3; ++i) send(*workers_[0], kServer);
  const auto lines = next();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines.back(), Json({{"ended", "count"}}));
  EXPECT_EQ(trace_->next(), std::nullopt);
}

TEST_F(CallTraceTest, EndsWhenItsTimeIsOverOrItIsStopped) {
  begin({.time_max = std::chrono::seconds(0), .count_max = 2});
  EXPECT_THAT(next(), ElementsAre(Json({{"ended", "time"}})));
  trace_.reset();
  begin({.time_max = kLong, .count_max = 2});
  EXPECT_TRUE(next().empty());
  trace_->stop();
  EXPECT_THAT(next(), ElementsAre(Json({{"ended", "stop"}})));
}

TEST_F(CallTraceTest, TellsHowManyMessagesThereWasNoRoomFor) {
  begin({.time_max = kLong, .count_max = 10'000});
  for (size_t i = 0; i < proxy::TraceRing::kCapacity + 12; ++i) send(*workers_[0], kServer);
  EXPECT_EQ(next().back(), Json({{"lost", 12}}));
  EXPECT_TRUE(next().empty());

  trace_.reset();
  begin({.time_max = kLong, .count_max = 10'000});
  EXPECT_TRUE(next().empty());  // those were another's
}

TEST_F(CallTraceTest, FollowsNothingMoreAtItsEnd) {
  begin({.time_max = kLong, .count_max = 10});
  EXPECT_NE(workers_[1]->look(), nullptr);
  trace_.reset();
  EXPECT_EQ(workers_[1]->look(), nullptr);
}

TEST_F(CallTraceTest, IsAloneAndGivesItsTurnBack) {
  begin({.time_max = kLong, .count_max = 10});
  EXPECT_EQ(turn_->try_take(), std::nullopt);
  trace_.reset();
  EXPECT_EQ(turn_->try_take(), 2u);
}

TEST_F(CallTraceTest, PassesOctetsOnThatAreNoUtf8) {
  begin({.time_max = kLong, .count_max = 10});
  send(*workers_[0], kServer, "call\xff");
  EXPECT_EQ(next().front()["call_id"], "call\ufffd");
}

}  // namespace
}  // namespace siplb::app
