#include "health/self_probes.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "probe_socket_fixture.h"
#include "support/loopback_tcp.h"
#include "support/sip_builder.h"

namespace siplb::health {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::SipBuilder;

// Listeners that the test plays itself; rounds begin when it says so.
class SelfProbesTest : public test::ProbeSocketFixture {
 protected:
  ~SelfProbesTest() override { probes_.end(); }

  [[nodiscard]] static OwnListener listener_at(const SockAddress& address) {
    return {.address = address, .request_uri = "sip:" + std::string(address.text())};
  }
  void adopt(std::vector<OwnListener> listeners, std::chrono::milliseconds interval = 1s) {
    plan_.listeners = std::move(listeners);
    plan_.self_probe = interval;
    probes_.adopt(plan_, loop_->wait(Clock::now()));
  }
  void begin_round() { probes_.take_turn(probes_.due()); }
  // The probe that has come; empty if none does.
  [[nodiscard]] std::string receive() {
    const std::vector<std::string> datagrams = peer_.receive(1);
    return datagrams.empty() ? std::string() : datagrams[0];
  }
  void answer(const std::string& probe, uint16_t code = 200) {
    sip::Message request;
    ASSERT_EQ(sip::scan(probe, {}, request), sip::ScanStatus::Ok);
    peer_.send(*SockAddress::parse(request.via.sent_by), SipBuilder::answer_to(probe, code).str());
  }
  [[nodiscard]] const SelfProbeCounters& counters(transport::ListenerIndex listener = 0) const {
    return probes_.counters(listener);
  }
  [[nodiscard]] bool becomes(const Counter& counter, uint64_t value) {
    return run_until([&] { return counter.value() == value; });
  }

  Peer peer_{Family::V4};
  const HashKey key_{{1, 2, 3}};
  ProbePlan plan_;
  SelfProbes probes_{{.loop = *loop_, .area = area_, .probe_key = key_}, 7};
};

TEST_F(SelfProbesTest, AnyAnswerCountsAndIsTimed) {
  adopt({listener_at(peer_.address())});
  uint64_t answered = 0;
  for (const uint16_t code : std::array<uint16_t, 3>{200, 404, 503}) {
    begin_round();
    answer(receive(), code);
    ASSERT_TRUE(becomes(counters().answered, ++answered));
  }
  EXPECT_EQ(counters().lost.value(), 0U);
  EXPECT_LT(counters().last_ns.value(), SelfProbeCounters::kLost);
  EXPECT_EQ(counters().times.count_in(0), 3U);
}

TEST_F(SelfProbesTest, ProbesAreOptionsToTheListenerAndEachOfItsOwnCall) {
  adopt({{}, listener_at(peer_.address())});
  begin_round();
  const std::string first = receive();
  begin_round();
  const std::string second = receive();
  EXPECT_TRUE(first.starts_with("OPTIONS sip:" + std::string(peer_.address().text()) + " SIP/2.0"));
  const auto call_id = [](const std::string& probe) {
    sip::Message request;
    EXPECT_EQ(sip::scan(probe, {}, request), sip::ScanStatus::Ok);
    return std::string(request.call_id);
  };
  EXPECT_NE(call_id(first), call_id(second));
  EXPECT_EQ(counters(0).lost.value(), 0U);
  EXPECT_EQ(counters(1).lost.value(), 1U);
}

TEST_F(SelfProbesTest, WhatIsNotAnsweredWhenTheNextRoundBeginsIsLost) {
  adopt({listener_at(peer_.address())});
  begin_round();
  const std::string late = receive();
  EXPECT_EQ(counters().lost.value(), 0U);
  begin_round();
  EXPECT_EQ(counters().lost.value(), 1U);
  EXPECT_EQ(counters().last_ns.value(), SelfProbeCounters::kLost);
  const std::string probe = receive();
  answer(late);
  answer(probe);
  ASSERT_TRUE(becomes(counters().answered, 1));
  EXPECT_LT(counters().last_ns.value(), SelfProbeCounters::kLost);
}

TEST_F(SelfProbesTest, AClosedPortIsLostAtOnceAndAskedAgain) {
  const test::RefusingPort closed(Family::V4);
  adopt({listener_at(closed.address())});
  begin_round();
  EXPECT_TRUE(becomes(counters().lost, 1));
  begin_round();
  EXPECT_TRUE(becomes(counters().lost, 2));
}

TEST_F(SelfProbesTest, WhatCannotBeSentIsLost) {
  adopt({listener_at(peer_.address())});
  plan_.listeners[0].request_uri += ";x=" + std::string(2048, 'x');
  adopt(plan_.listeners);
  begin_round();
  EXPECT_EQ(counters().lost.value(), 1U);
}

TEST_F(SelfProbesTest, WhatStaysInThePlanGoesOnAndWhatLeavesIsForgotten) {
  adopt({listener_at(peer_.address())});
  begin_round();
  const std::string probe = receive();
  adopt({listener_at(peer_.address()), {}});
  answer(probe);
  ASSERT_TRUE(becomes(counters().answered, 1));
  adopt({});
  EXPECT_EQ(counters().last_ns.value(), SelfProbeCounters::kNone);
  begin_round();
  EXPECT_EQ(counters().lost.value(), 0U);
}

TEST_F(SelfProbesTest, WithoutAnIntervalNobodyIsAsked) {
  adopt({listener_at(peer_.address())}, 0ms);
  EXPECT_EQ(probes_.due(), Instant::max());
  adopt({listener_at(peer_.address())}, 1s);
  EXPECT_EQ(probes_.due(), loop_->now() + 1s);
  begin_round();
  EXPECT_NE(receive(), "");
  adopt({listener_at(peer_.address())}, 0ms);
  EXPECT_EQ(probes_.due(), Instant::max());
}

TEST_F(SelfProbesTest, AStreamIsKeptAndOpenedAgainWhenItHasEnded) {
  test::PlainListener listener(Family::V4);
  OwnListener own = listener_at(listener.address());
  own.transport = sip::Transport::Tcp;
  adopt({own});
  const auto answer_one = [](int fd) {
    test::send_all(fd, SipBuilder::answer_to(test::receive_head(fd), 200).str());
  };
  begin_round();
  net::FileDescriptor connection = listener.accept();
  loop_->dispatch(loop_->wait(Clock::now() + 1s));  // it is writable: the probe goes
  answer_one(connection.get());
  ASSERT_TRUE(becomes(counters().answered, 1));
  begin_round();
  answer_one(connection.get());
  ASSERT_TRUE(becomes(counters().answered, 2));
  connection = {};
  loop_->dispatch(loop_->wait(Clock::now() + 1s));
  EXPECT_EQ(counters().lost.value(), 0U) << "no probe was under way";
  begin_round();
  connection = listener.accept();
  loop_->dispatch(loop_->wait(Clock::now() + 1s));
  answer_one(connection.get());
  EXPECT_TRUE(becomes(counters().answered, 3));
}

}  // namespace
}  // namespace siplb::health
