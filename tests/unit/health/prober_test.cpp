// The prober on its thread, against servers on the loopback interface that the test plays itself.
//
// Nothing sleeps: run_until() serves what arrives until what the test waits for is so.
#include "health/prober.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "health/probe_message.h"
#include "net/mailbox.h"
#include "support/loopback_tcp.h"
#include "support/sip_builder.h"

namespace siplb::health {
namespace {

using balance::HealthReason;
using balance::HealthSignal;
using balance::HealthState;
using balance::OperatorState;
using balance::ServerIndex;
using std::chrono::milliseconds;
using test::SipBuilder;
using Family = SockAddress::Family;

// A server over UDP: it answers each probe as it is told to.
class UdpServer {
 public:
  UdpServer() : fd_(test::open_plain(test::loopback(Family::V4))) {}

  [[nodiscard]] SockAddress address() const { return test::address_of(fd_.get()); }

  void serve() {
    std::string text(65536, '\0');
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    for (ssize_t size = 0; (size = ::recvfrom(fd_.get(), text.data(), text.size(), MSG_DONTWAIT,
                                              reinterpret_cast<sockaddr*>(&from), &length)) >= 0;) {
      probes.push_back(text.substr(0, static_cast<size_t>(size)));
      remote = SockAddress::from(from);
      const std::string said = answer ? answer(probes.back()) : std::string();
      if (!said.empty()) send(said);
    }
  }
  void send(const std::string& octets) const {
    sockaddr_storage native;
    const socklen_t length = remote.to(native);
    ASSERT_EQ(::sendto(fd_.get(), octets.data(), octets.size(), 0,
                       reinterpret_cast<const sockaddr*>(&native), length),
              static_cast<ssize_t>(octets.size()));
  }

  std::vector<std::string> probes;
  SockAddress remote;  // of the last one
  std::function<std::string(const std::string&)> answer;

 private:
  net::FileDescriptor fd_;
};

std::function<std::string(const std::string&)> answers(uint16_t code) {
  return [code](const std::string& probe) { return SipBuilder::answer_to(probe, code).str(); };
}

class ProberTest : public testing::Test {
 protected:
  static constexpr size_t kServers = 3;

  ProberTest() {
    plan_.targets.resize(kServers);
    plan_.groups.resize(1);
  }
  ~ProberTest() override { stop(); }

  // Probed every 50 ms, given up after 100: enough for a host that is busy with other things.
  [[nodiscard]] static ProbeTarget target(const SockAddress& address) {
    return {.address = address,
            .request_uri = "sip:" + std::string(address.text()),
            .weight = 100,
            .options = {.interval = milliseconds(50),
                        .fast_interval = milliseconds(20),
                        .timeout = milliseconds(100)}};
  }

  void start(size_t signals = 16) {
    plans_.emplace(1, std::make_unique<ProbePlan>(plan_));
    auto prober = Prober::create({.reader_count = 2,
                                  .server_count = kServers,
                                  .group_count = 1,
                                  .signals = signals,
                                  .probe_key = {{1, 2, 3}},
                                  .seed = 5},
                                 {.plans = *plans_,
                                  .load = load_,
                                  .events = events_,
                                  .listener_sockets = listener_sockets_});
    ASSERT_TRUE(prober);
    prober_ = std::move(*prober);
  }
  void run() {
    thread_ = std::thread([this] { prober_->run(); });
  }
  void start_and_run() {
    start();
    run();
  }
  void stop() {
    if (!thread_.joinable()) return;
    prober_->stop();
    thread_.join();
  }
  void change_plan() {
    plans_->publish(std::make_unique<ProbePlan>(plan_));
    prober_->wake();
  }

  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const Instant limit = Clock::now() + milliseconds(test::kPatienceMs);
    while (!condition()) {
      if (Clock::now() >= limit) return false;
      for (UdpServer& server : servers_) server.serve();
      std::this_thread::yield();
    }
    return true;
  }
  [[nodiscard]] const balance::PoolStatus& status() { return prober_->status().look(1); }
  [[nodiscard]] bool becomes(HealthState state, ServerIndex server = 0) {
    return run_until([&] { return status().servers[server].health == state; });
  }
  [[nodiscard]] bool has_probed(ServerIndex server, uint64_t times) {
    const uint64_t before = prober_->counters(server).sent.value();
    return run_until([&] { return prober_->counters(server).sent.value() >= before + times; });
  }
  // From the first hint that server 0 is not there to its fall. A host that is busy with other
  // things may need more than one go to show how fast it can be.
  [[nodiscard]] Duration fastest_fall() {
    plan_.targets[0].options.interval = std::chrono::hours(1);
    start_and_run();
    Duration fastest = Duration::max();
    for (uint8_t go = 1; go <= 10 && fastest >= milliseconds(100); ++go) {
      plan_.targets[0].options.rise = go;  // else it goes on as it is
      change_plan();
      EXPECT_TRUE(becomes(HealthState::Unknown));
      const Instant asked_at = Clock::now();
      prober_->tell({.kind = HealthSignal::Kind::Refused, .server = 0});
      EXPECT_TRUE(becomes(HealthState::Down));
      fastest = std::min<Duration>(fastest, prober_->transitions(0).back().at - asked_at);
    }
    return fastest;
  }
  [[nodiscard]] std::vector<EventId> events() {
    std::vector<EventId> ids;
    while (const auto event = events_.try_take()) {
      if (event->id != EventId::ProbePriority) ids.push_back(event->id);
    }
    return ids;
  }
  [[nodiscard]] std::vector<HealthReason> reasons(ServerIndex server = 0) const {
    std::vector<HealthReason> reasons;
    for (const Transition& each : prober_->transitions(server)) reasons.push_back(each.reason);
    return reasons;
  }

  std::array<UdpServer, kServers> servers_;
  EventBell bell_;
  EventRing events_{bell_};
  balance::LoadBoard load_{1, kServers};
  ProbePlan plan_;
  std::vector<const net::UdpSocket*> listener_sockets_;
  std::optional<Published<ProbePlan>> plans_;
  std::unique_ptr<Prober> prober_;
  std::thread thread_;
};

TEST_F(ProberTest, AServerThatAnswersIsUp) {
  plan_.targets[1] = target(servers_[1].address());
  servers_[1].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up, 1));
  EXPECT_EQ(status().servers[1].reason, HealthReason::Answered);
  ASSERT_TRUE(has_probed(1, 2));
  stop();
  const ProbeCounters& counters = prober_->counters(1);
  EXPECT_GE(counters.answered.value(), 2u);
  EXPECT_GT(counters.probe_time.sum_ns(), 0u);
  EXPECT_LE(counters.sent.value() - counters.answered.value() - counters.failed.value(), 1u);
  EXPECT_EQ(events(), std::vector<EventId>{EventId::ServerUp});
  const auto transitions = prober_->transitions(1);
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].health, HealthState::Up);
  EXPECT_EQ(transitions[0].at, status().servers[1].changed_at);
}

TEST_F(ProberTest, ProbesSayWhatTheyAre) {
  plan_.targets[0] = target(servers_[0].address());
  start_and_run();
  ASSERT_TRUE(run_until([&] { return !servers_[0].probes.empty(); }));
  const std::string& probe = servers_[0].probes.front();
  const std::string own(servers_[0].remote.text());
  EXPECT_TRUE(probe.starts_with("OPTIONS " + plan_.targets[0].request_uri + " SIP/2.0\r\nVia: " +
                                "SIP/2.0/UDP " + own + ";rport;branch=z9hG4bKslp"))
      << probe;
}

TEST_F(ProberTest, AClosedPortIsDownWithin100Milliseconds) {
  const test::RefusingPort closed(Family::V4);
  plan_.targets[0] = target(closed.address());
  EXPECT_LT(fastest_fall(), milliseconds(100));
  EXPECT_EQ(status().servers[0].reason, HealthReason::Refused);
}

TEST_F(ProberTest, AServerThatFallsSilentIsDownAndUpAgain) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  servers_[0].answer = nullptr;
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_GE(prober_->counters(0).failed.value(), plan_.targets[0].options.fall);
  servers_[0].answer = answers(404);
  ASSERT_TRUE(becomes(HealthState::Up));
  stop();
  EXPECT_EQ(reasons(),
            (std::vector{HealthReason::Answered, HealthReason::TimedOut, HealthReason::Answered}));
  EXPECT_EQ(status().servers[0].up_since, status().servers[0].changed_at);
}

TEST_F(ProberTest, ABadCodeIsAFailure) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].options.down = {500};
  servers_[0].answer = answers(500);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Down));
  stop();
  EXPECT_EQ(reasons(), std::vector{HealthReason::BadCode});
  EXPECT_EQ(prober_->counters(0).answered.value(), 0u);
  EXPECT_GE(prober_->counters(0).failed.value(), 3u);
}

TEST_F(ProberTest, TrafficThatIsAnsweredVetoesAFallBySilence) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].options.interval = std::chrono::seconds(1);  // proof stays good for so long
  start_and_run();
  prober_->tell({.server = 0});
  ASSERT_TRUE(run_until([&] {
    load_.on_answer(0, 0);
    return prober_->counters(0).disagreements.value() > 0;
  }));
  EXPECT_EQ(status().servers[0].health, HealthState::Unknown);
  EXPECT_TRUE(becomes(HealthState::Down));  // once traffic is silent, too
}

TEST_F(ProberTest, A503ToAProbePausesTheServer) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = [](const std::string& probe) {
    return SipBuilder::answer_to(probe, 503).set("Retry-After", "2").str();
  };
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  EXPECT_FALSE(status().takes_new_work(0, 0, Clock::now()));
  servers_[0].answer = answers(200);
  EXPECT_TRUE(run_until([&] { return status().takes_new_work(0, 0, Clock::now()); }));
  stop();
  EXPECT_EQ(reasons(), (std::vector{HealthReason::Busy, HealthReason::Relieved}));
  EXPECT_EQ(events(), (std::vector{EventId::ServerUp, EventId::ServerRelieved}));
}

TEST_F(ProberTest, ForgedAnswersProveNothing) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = [&](const std::string& probe) {
    // By somebody else, who knows the branch; and by the server, of another probe.
    UdpServer forger;
    forger.remote = servers_[0].remote;
    forger.send(SipBuilder::answer_to(probe, 200).str());
    sip::Message request;
    EXPECT_EQ(sip::scan(probe, {}, request), sip::ScanStatus::Ok);
    std::string branch(request.via.branch);
    branch.back() = branch.back() == 'a' ? 'b' : 'a';
    return SipBuilder::answer_to(probe, 200)
        .via("SIP/2.0/UDP " + std::string(request.via.sent_by) + ";rport;branch=" + branch)
        .str();
  };
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_EQ(prober_->counters(0).answered.value(), 0u);
}

TEST_F(ProberTest, AnAnswerThatComesTooLateProvesNothing) {
  plan_.targets[0] = target(servers_[0].address());
  std::string late;
  servers_[0].answer = [&late](const std::string& probe) {
    return std::exchange(late, SipBuilder::answer_to(probe, 200).str());
  };
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_EQ(prober_->counters(0).answered.value(), 0u);
}

TEST_F(ProberTest, WhatThisHostCannotSendLeavesTheServerUnknown) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].local = test::absent(Family::V4);
  start_and_run();
  ASSERT_TRUE(run_until([&] { return prober_->counters(0).failed.value() >= 4; }));
  EXPECT_EQ(status().servers[0].health, HealthState::Unknown);
  EXPECT_EQ(status().servers[0].reason, HealthReason::Unsendable);
  stop();
  EXPECT_EQ(events(), std::vector<EventId>{EventId::ServerUnknown});
}

TEST_F(ProberTest, AProbeThatIsTooLongIsUnsendable) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].request_uri += ";x=" + std::string(2048, 'x');
  start_and_run();
  ASSERT_TRUE(run_until([&] { return prober_->counters(0).failed.value() > 0; }));
  stop();
  EXPECT_EQ(status().servers[0].reason, HealthReason::Unsendable);
}

TEST_F(ProberTest, SilenceOfTrafficAsksForAProbe) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].options.interval = std::chrono::hours(1);
  servers_[0].answer = answers(200);
  start_and_run();
  prober_->tell({.kind = HealthSignal::Kind::Silent, .server = 0});
  EXPECT_TRUE(becomes(HealthState::Up));
}

TEST_F(ProberTest, A503ToACallPausesAtMostHalfOfTheGroup) {
  for (size_t i = 0; i < kServers; ++i) {
    plan_.targets[i] = target(servers_[i].address());
    servers_[i].answer = answers(200);
  }
  start_and_run();
  for (ServerIndex i = 0; i < kServers; ++i) ASSERT_TRUE(becomes(HealthState::Up, i));
  const HealthSignal busy{.kind = HealthSignal::Kind::Busy, .retry_after = std::chrono::seconds(4)};
  for (ServerIndex i = 0; i < kServers; ++i) {
    HealthSignal signal = busy;
    signal.server = i;
    prober_->tell(signal);
  }
  ASSERT_TRUE(run_until([&] { return status().servers[0].reason == HealthReason::Busy; }));
  for (ServerIndex i = 0; i < kServers; ++i) ASSERT_TRUE(has_probed(i, 1));
  for (ServerIndex i = 0; i < kServers; ++i) {
    EXPECT_EQ(status().takes_new_work(0, i, Clock::now()), i != 0) << i;
  }
  stop();
  const auto ids = events();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), EventId::ServerBusy), 1);
}

TEST_F(ProberTest, APauseEndsByItself) {
  for (size_t i = 0; i < kServers; ++i) {
    plan_.targets[i] = target(servers_[i].address());
    plan_.targets[i].options.interval = std::chrono::hours(1);
    plan_.targets[i].options.retry_after_max = milliseconds(10);
  }
  start_and_run();
  prober_->tell({.kind = HealthSignal::Kind::Busy, .server = 2});
  EXPECT_TRUE(run_until([&] { return status().servers[2].reason == HealthReason::Relieved; }));
  EXPECT_TRUE(status().takes_new_work(0, 2, Clock::now()));
  EXPECT_EQ(reasons(2), (std::vector{HealthReason::Busy, HealthReason::Relieved}));
}

TEST_F(ProberTest, SignalsWithoutAServerAreNone) {
  start_and_run();
  prober_->tell({.kind = HealthSignal::Kind::Busy, .server = balance::kNoServer});
  prober_->tell({.kind = HealthSignal::Kind::Silent, .server = 0});  // an empty place
  prober_->tell({.kind = HealthSignal::Kind::ProbeAnswer}, "no message");
  const uint64_t turns = prober_->progress();
  prober_->wake();
  EXPECT_TRUE(run_until([&] { return prober_->progress() > turns; }));
  stop();
  EXPECT_EQ(prober_->lost_signals(), 0u);
}

TEST_F(ProberTest, CountsSignalsThatThereIsNoRoomFor) {
  start(4);
  for (int i = 0; i < 5; ++i) prober_->tell({.server = 0});
  EXPECT_EQ(prober_->lost_signals(), 2u);  // a quarter is kept for answers
  prober_->tell({.kind = HealthSignal::Kind::ProbeAnswer}, "answer");
  EXPECT_EQ(prober_->lost_signals(), 2u);
}

TEST_F(ProberTest, ANewPlanKeepsWhatIsKnownOfTheSameServer) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  const Instant since = status().servers[0].changed_at;
  plan_.targets[0].weight = 7;
  plan_.targets[0].local = SockAddress::v4(0x7f000002, 0);  // another way to the same server
  plan_.targets[1] = target(servers_[1].address());
  change_plan();
  ASSERT_TRUE(run_until([&] { return !servers_[1].probes.empty(); }));
  EXPECT_EQ(status().servers[0].health, HealthState::Up);
  EXPECT_EQ(status().servers[0].changed_at, since);
  ASSERT_TRUE(run_until([&] { return servers_[0].remote.same_ip(plan_.targets[0].local); }));
  EXPECT_EQ(reasons(), std::vector{HealthReason::Answered});
}

TEST_F(ProberTest, AnotherAddressBeginsAsUnknown) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  plan_.targets[0] = target(servers_[1].address());
  change_plan();
  ASSERT_TRUE(becomes(HealthState::Unknown));
  EXPECT_EQ(reasons(), (std::vector{HealthReason::Answered, HealthReason::Address}));
  servers_[1].answer = answers(200);
  EXPECT_TRUE(becomes(HealthState::Up));
}

TEST_F(ProberTest, AnEmptyPlaceIsNotProbed) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].address = {};
  plan_.targets[1] = target(servers_[1].address());
  change_plan();
  ASSERT_TRUE(becomes(HealthState::Unknown));
  const uint64_t sent = prober_->counters(0).sent.value();
  ASSERT_TRUE(has_probed(1, 2));
  EXPECT_EQ(prober_->counters(0).sent.value(), sent);
}

TEST_F(ProberTest, WhoIsNotWatchedIsUsableWhateverHappens) {
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].options.is_watched = false;
  plan_.targets[1] = target(servers_[1].address());
  start_and_run();
  prober_->tell({.kind = HealthSignal::Kind::Refused, .server = 0});
  prober_->tell({.kind = HealthSignal::Kind::Busy, .server = 0});
  ASSERT_TRUE(has_probed(1, 2));
  EXPECT_EQ(prober_->counters(0).sent.value(), 0u);
  EXPECT_TRUE(status().takes_new_work(0, 0, Clock::now()));
}

TEST_F(ProberTest, OtherOptionsBeginAnew) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  plan_.targets[0].options.down = {200};
  change_plan();
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_EQ(reasons(),
            (std::vector{HealthReason::Answered, HealthReason::Start, HealthReason::BadCode}));
}

TEST_F(ProberTest, TellsWhatTheOperatorWants) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = answers(200);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Up));
  plan_.targets[0].operator_state = OperatorState::Drain;
  change_plan();
  ASSERT_TRUE(
      run_until([&] { return status().servers[0].operator_state == OperatorState::Drain; }));
  EXPECT_EQ(status().servers[0].health, HealthState::Up);
  EXPECT_FALSE(status().takes_new_work(0, 0, Clock::now()));
  stop();
  EXPECT_EQ(reasons(), (std::vector{HealthReason::Answered, HealthReason::Operator}));
  EXPECT_EQ(prober_->transitions(0).back().operator_state, OperatorState::Drain);
  EXPECT_EQ(events(), (std::vector{EventId::ServerUp, EventId::ServerState}));
}

TEST_F(ProberTest, PanicsWhileNobodyIsUp) {
  plan_.targets[0] = target(servers_[0].address());
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_TRUE(status().groups[0].is_panicking);
  EXPECT_TRUE(status().takes_new_work(0, 0, Clock::now()));
  servers_[0].answer = answers(200);
  ASSERT_TRUE(becomes(HealthState::Up));
  EXPECT_FALSE(status().groups[0].is_panicking);
  stop();
  EXPECT_EQ(events(), (std::vector{EventId::ServerDown, EventId::PanicBegan, EventId::ServerUp,
                                   EventId::PanicEnded}));
}

TEST_F(ProberTest, SpreadsTheFirstProbesOverTheInterval) {
  for (size_t i = 0; i < kServers; ++i) {
    plan_.targets[i] = target(servers_[i].address());
    plan_.targets[i].options.interval = milliseconds(300);
    servers_[i].answer = answers(200);
  }
  start_and_run();
  for (ServerIndex i = 0; i < kServers; ++i) ASSERT_TRUE(becomes(HealthState::Up, i));
  std::vector<Instant> firsts;
  for (ServerIndex i = 0; i < kServers; ++i) firsts.push_back(prober_->transitions(i)[0].at);
  std::sort(firsts.begin(), firsts.end());
  for (size_t i = 1; i < kServers; ++i) EXPECT_GT(firsts[i] - firsts[i - 1], milliseconds(30));
}

TEST_F(ProberTest, ProbesByTheListenersSocketAndTakesWhatComesThere) {
  auto listener = net::UdpSocket::open({.address = test::loopback(Family::V4)});
  ASSERT_TRUE(listener);
  listener_sockets_ = {&*listener};
  plan_.targets[0] = target(servers_[0].address());
  plan_.targets[0].options.source = balance::ProbeSource::Listener;
  plan_.targets[0].sent_by = "sip.example.com";
  start_and_run();
  // Who reads the listener tells of it; here that is the test.
  SockAddress remote = servers_[1].address();
  servers_[0].answer = [&](const std::string& probe) {
    prober_->tell({.kind = HealthSignal::Kind::ProbeAnswer, .remote = remote},
                  SipBuilder::answer_to(probe, 200).str());
    return std::string();
  };
  ASSERT_TRUE(becomes(HealthState::Down));  // it came from elsewhere
  EXPECT_EQ(servers_[0].remote, listener->address());
  EXPECT_NE(servers_[0].probes[0].find("Via: SIP/2.0/UDP sip.example.com;"), std::string::npos);
  remote = servers_[0].address();
  EXPECT_TRUE(becomes(HealthState::Up));
}

TEST_F(ProberTest, OwnSocketsTakeNoAnswersOfListeners) {
  plan_.targets[0] = target(servers_[0].address());
  servers_[0].answer = [&](const std::string& probe) {
    prober_->tell({.kind = HealthSignal::Kind::ProbeAnswer, .remote = servers_[0].address()},
                  SipBuilder::answer_to(probe, 200).str());
    return std::string();
  };
  start_and_run();
  EXPECT_TRUE(becomes(HealthState::Down));
}

TEST_F(ProberTest, TellsWhatPriorityItHas) {
  start_and_run();
  ASSERT_TRUE(run_until([&] { return prober_->progress() > 0; }));
  size_t refusal_count = 0;
  while (const auto event = events_.try_take()) {
    EXPECT_EQ(event->id, EventId::ProbePriority);
    EXPECT_EQ(event->args[0], static_cast<int64_t>(kPriorities.at(refusal_count)));
    EXPECT_NE(event->args[1], 0);
    ++refusal_count;
  }
  EXPECT_EQ(prober_->priority(), kPriorities.at(refusal_count));
}

TEST_F(ProberTest, KnowsItsMemory) {
  const size_t few = Prober::memory_octets({.server_count = 1, .group_count = 1});
  const size_t more = Prober::memory_octets({.server_count = 2, .group_count = 1});
  EXPECT_GT(few, Prober::Options().signals * net::Mailbox::kSmallOctetsMax);
  EXPECT_GT(more - few, sizeof(ProbeCounters) + TransitionLog::kKept * sizeof(Transition));
}

// ---- Of ourselves -----------------------------------------------------------------------------

TEST_F(ProberTest, OwnListenersAreAskedAsOftenAsThePlanSays) {
  plan_.listeners = {{}, {.address = servers_[1].address(), .request_uri = "sip:siplb"}};
  plan_.self_probe = milliseconds(50);
  servers_[1].answer = answers(503);  // any answer will do
  start_and_run();
  const SelfProbeCounters& counters = prober_->self_probes(1);
  ASSERT_TRUE(run_until([&] { return counters.answered.value() >= 3; }));
  plan_.self_probe = milliseconds(0);
  change_plan();
  EXPECT_TRUE(run_until([&] { return counters.last_ns.value() == SelfProbeCounters::kNone; }));
}

// ---- Over TCP ---------------------------------------------------------------------------------

class TcpProberTest : public ProberTest {
 protected:
  TcpProberTest() { use(listener_.address()); }

  void use(const SockAddress& address) {
    plan_.targets[0] = target(address);
    plan_.targets[0].transport = sip::Transport::Tcp;
    plan_.targets[0].options.timeout = milliseconds(200);
  }
  // Answers the next probe, over the connection that there is or the next one.
  void answer_one() {
    if (!server_.is_open()) server_ = listener_.accept();
    const std::string probe = test::receive_head(server_.get());
    EXPECT_NE(probe.find("Via: SIP/2.0/TCP 127.0.0.1:"), std::string::npos);
    test::send_all(server_.get(), SipBuilder::answer_to(probe, 200).str());
  }
  [[nodiscard]] bool has_answers(uint64_t count) {
    return run_until([&] { return prober_->counters(0).answered.value() == count; });
  }

  test::PlainListener listener_{Family::V4};
  net::FileDescriptor server_;
};

TEST_F(TcpProberTest, AServerThatAnswersIsUp) {
  start_and_run();
  answer_one();
  EXPECT_TRUE(becomes(HealthState::Up));
}

TEST_F(TcpProberTest, KeepsItsConnection) {
  start_and_run();
  for (uint64_t n = 1; n <= 3; ++n) {
    answer_one();
    ASSERT_TRUE(has_answers(n));
  }
  EXPECT_FALSE(listener_.take().is_open());
}

TEST_F(TcpProberTest, AClosedPortIsDownWithin100Milliseconds) {
  const auto closed = test::open_plain(test::loopback(Family::V4), SOCK_STREAM);
  use(test::address_of(closed.get()));
  EXPECT_LT(fastest_fall(), milliseconds(100));
  EXPECT_EQ(status().servers[0].reason, HealthReason::Refused);
}

TEST_F(TcpProberTest, ConnectsAgainWhenItsConnectionHasEnded) {
  start_and_run();
  answer_one();
  ASSERT_TRUE(has_answers(1));
  server_ = {};
  answer_one();
  EXPECT_TRUE(has_answers(2));
  EXPECT_EQ(status().servers[0].health, HealthState::Up);
}

TEST_F(TcpProberTest, AServerThatResetsEachConnectionIsDown) {
  start_and_run();
  const linger none{.l_onoff = 1, .l_linger = 0};
  ASSERT_TRUE(run_until([&] {
    if (const auto server = listener_.take(); server.is_open()) {
      EXPECT_EQ(::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    }
    return status().servers[0].health == HealthState::Down;
  }));
  EXPECT_EQ(reasons(), std::vector{HealthReason::Refused});
}

TEST_F(TcpProberTest, SilenceEndsTheConnection) {
  plan_.targets[0].options.timeout = milliseconds(20);
  start_and_run();
  ASSERT_TRUE(becomes(HealthState::Down));
  EXPECT_EQ(reasons(), std::vector{HealthReason::TimedOut});
  server_ = listener_.accept();
  test::receive(server_.get(), 65536);  // until the end
  EXPECT_TRUE(listener_.accept().is_open());
}

TEST_F(TcpProberTest, WhatThisHostCannotSendLeavesTheServerUnknown) {
  plan_.targets[0].local = test::absent(Family::V4);
  start_and_run();
  EXPECT_TRUE(run_until([&] { return status().servers[0].reason == HealthReason::Unsendable; }));
}

}  // namespace
}  // namespace siplb::health
