// Both commands as a whole, against each other on loopback: that is what main() runs.

#include "load/run.h"

#include <csignal>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "load/report.h"
#include "load/server_name.h"
#include "support/loopback.h"
#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using siplb::test::loopback;
using siplb::test::Peer;
using siplb::test::SipBuilder;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Family = SockAddress::Family;

// Tells another thread what was written up to the first flush.
class AnnouncingBuffer final : public std::stringbuf {
 public:
  std::future<std::string> announcement() { return announced_.get_future(); }

 protected:
  int sync() override {
    if (!std::exchange(is_announced_, true)) announced_.set_value(str());
    return 0;
  }

 private:
  std::promise<std::string> announced_;
  bool is_announced_ = false;
};

ServeCommand serve_command(size_t count) {
  ServeCommand command;
  command.listen.assign(count, loopback(Family::V4));
  for (size_t i = 1; i <= count; ++i) {
    command.answerer.servers.push_back({"s" + std::to_string(i), loopback(Family::V4), {}});
  }
  command.answerer.held_max = 64;
  command.json = true;
  return command;
}

// run_serve() on a thread of its own, until stop().
class Serving {
 public:
  explicit Serving(const ServeCommand& command)
      : announcement_(buffer_.announcement()), thread_([this, command] {
          exit_code_ = run_serve(command, {out_, errors_});
        }) {}
  ~Serving() {
    if (thread_.joinable()) stop();
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // Where the servers are; none when they do not come up.
  std::vector<SockAddress> addresses() {
    std::vector<SockAddress> out;
    if (announcement_.wait_for(5s) != std::future_status::ready) return out;
    const Json announced = Json::parse(announcement_.get());
    for (const Json& server : announced["servers"]) {
      out.push_back(*SockAddress::parse(server["address"].get<std::string>()));
    }
    return out;
  }

  // The exit code.
  int stop() {
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
    return exit_code_;
  }

  // The second line of the output. Requires: stopped.
  [[nodiscard]] Json totals() const {
    const std::string text = buffer_.str();
    return Json::parse(text.substr(text.find('\n') + 1));
  }

 private:
  AnnouncingBuffer buffer_;
  std::ostream out_{&buffer_};
  std::ostringstream errors_;
  int exit_code_ = -1;
  std::future<std::string> announcement_;
  std::thread thread_;
};

class RunTest : public ::testing::Test {
 protected:
  static CallCommand ten_calls(const SockAddress& target) {
    CallCommand command;
    command.caller.target = target;
    command.caller.pace = {.window = 2, .calls_max = 10};
    command.caller.calls_max = 2;
    command.source_count = 2;
    command.seed = 5;
    return command;
  }

  std::ostringstream out;
  std::ostringstream errors;
  const Streams streams{out, errors};
};

TEST_F(RunTest, PlacesCallsThatTheServersAnswer) {
  Serving serving(serve_command(2));
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 2U);
  CallCommand command = ten_calls(servers[1]);
  command.json = true;
  EXPECT_EQ(run_call(command, streams), kExitWell);
  EXPECT_EQ(errors.str(), "");
  const Json figures = Json::parse(out.str());
  EXPECT_EQ(figures["ok"], true);
  EXPECT_EQ(figures["seed"], 5);
  EXPECT_EQ(figures["succeeded"], 10);
  EXPECT_EQ(figures["servers"], Json({{"s2", 10}}));
  EXPECT_EQ(serving.stop(), kExitWell);
  EXPECT_EQ(serving.totals()["servers"][0]["calls"], 0);
  EXPECT_EQ(serving.totals()["servers"][1]["calls"], 10);
}

TEST_F(RunTest, PlacesCallsOverTcpThatTheServersAnswer) {
  ServeCommand serve = serve_command(2);
  serve.answerer.transport = sip::Transport::Tcp;
  Serving serving(serve);
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 2U);
  CallCommand command = ten_calls(servers[1]);
  command.caller.transport = sip::Transport::Tcp;
  command.caller.connections = 3;
  command.json = true;
  EXPECT_EQ(run_call(command, streams), kExitWell);
  const Json figures = Json::parse(out.str());
  EXPECT_EQ(figures["succeeded"], 10);
  EXPECT_EQ(figures["servers"], Json({{"s2", 10}}));
  EXPECT_EQ(figures["connections"]["opened"], 3);
  EXPECT_EQ(serving.stop(), kExitWell);
  EXPECT_EQ(serving.totals()["connections"]["accepted"], 3);
}

TEST_F(RunTest, ReadsConnectionsAsBadlyAsAsked) {
  ServeCommand resetting = serve_command(2);
  resetting.answerer.transport = sip::Transport::Tcp;
  resetting.answerer.servers[1].faults.reading.reset_every = 3;
  Serving serving(resetting);
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 2U);
  CallCommand command = ten_calls(servers[1]);
  command.caller.transport = sip::Transport::Tcp;
  command.caller.pace = {.window = 1, .calls_max = 2};
  command.json = true;
  EXPECT_EQ(run_call(command, streams), kExitFailed);
  EXPECT_EQ(Json::parse(out.str())["failures"], Json({{"disconnected", 2}})) << "each lost its BYE";
  EXPECT_EQ(serving.stop(), kExitWell);
  EXPECT_EQ(serving.totals()["connections"]["reset"], 2);
}

TEST_F(RunTest, FailsWhereCallsFailAndShowsThemInATable) {
  ServeCommand rejecting = serve_command(1);
  rejecting.answerer.servers[0].faults.reject = 1;
  Serving serving(rejecting);
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 1U);
  CallCommand command = ten_calls(servers[0]);
  command.display = Display::Table;
  EXPECT_EQ(run_call(command, streams), kExitFailed);
  EXPECT_THAT(out.str(), StartsWith(CallTable::heading()));
  EXPECT_THAT(out.str(), HasSubstr("failed     503: 10\n"));
  EXPECT_THAT(out.str(), HasSubstr("seed       5\n"));
  EXPECT_EQ(serving.stop(), kExitWell);
}

TEST_F(RunTest, FailsToServeWhereDialogsWereMisrouted) {
  Serving serving(serve_command(2));
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 2U);
  Peer peer(Family::V4);
  const std::string tag(write_tag("s2", "a-call").view());
  peer.send(servers[0], SipBuilder::request(sip::Method::Bye)
                            .via("SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1")
                            .call_id("a-call")
                            .to("<sip:bob@example.com>;tag=" + tag)
                            .str());
  const std::vector<std::string> answers = peer.receive(1);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0], StartsWith("SIP/2.0 481 "));
  EXPECT_EQ(serving.stop(), kExitFailed);
  EXPECT_EQ(serving.totals()["servers"][0]["stickiness_violations"], 1);
}

TEST_F(RunTest, LosesWhatItsCallsSend) {
  CallCommand command = ten_calls(loopback(Family::V4).with_port(9));
  command.caller.pace = {.window = 1, .calls_max = 1};
  command.caller.t1 = 1ms;
  command.loss = 1;
  command.json = true;
  EXPECT_EQ(run_call(command, streams), kExitFailed);
  const Json figures = Json::parse(out.str());
  EXPECT_EQ(figures["failures"], Json({{"timeout", 1}}));
  EXPECT_EQ(figures["lost_sent"], 1 + figures["retransmissions"].get<int>());
}

TEST_F(RunTest, LosesWhatItsServersReceive) {
  ServeCommand lossy = serve_command(1);
  lossy.loss = 1;
  Serving serving(lossy);
  const std::vector<SockAddress> servers = serving.addresses();
  ASSERT_EQ(servers.size(), 1U);
  Peer(Family::V4).send(servers[0], SipBuilder::request(sip::Method::Options).str());
  EXPECT_EQ(serving.stop(), kExitWell);
  EXPECT_EQ(serving.totals()["lost_received"], 1);
  EXPECT_EQ(serving.totals()["servers"][0]["methods"], Json::object());
}

TEST_F(RunTest, ServesForAsLongAsAsked) {
  ServeCommand command = serve_command(1);
  command.json = false;
  command.duration = 1ms;
  EXPECT_EQ(run_serve(command, streams), kExitWell);
  EXPECT_THAT(out.str(), StartsWith("s1 127.0.0.1:"));
  EXPECT_THAT(out.str(), ::testing::EndsWith("\ns1\n")) << "totals of nothing";
}

TEST_F(RunTest, SaysThatAnAddressIsTaken) {
  const Peer peer(Family::V4);
  ServeCommand serve = serve_command(1);
  serve.listen = {peer.address()};
  EXPECT_EQ(run_serve(serve, streams), kExitFailed);
  CallCommand call = ten_calls(loopback(Family::V4).with_port(5060));
  call.from = peer.address();
  EXPECT_EQ(run_call(call, streams), kExitFailed);
  EXPECT_EQ(out.str(), "");
  const std::string said = "siplb-load: " + describe({ErrorCode::AddressInUse, EADDRINUSE}) + "\n";
  EXPECT_EQ(errors.str(), said + said);
}

}  // namespace
}  // namespace siplb::load
