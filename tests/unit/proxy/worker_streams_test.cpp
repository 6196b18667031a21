// Messages over streams between workers, on real sockets.
#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "lane_fixture.h"
#include "proxy/worker.h"
#include "support/loopback_tcp.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

constexpr size_t kStreamLanes = 4;

// Two workers of two lanes each, one listener with TCP only, one server behind it.
class WorkerStreamsTest : public testing::Test {
 protected:
  WorkerStreamsTest() {
    const transport::ListenerOptions edge{.name = "edge",
                                          .address = test::loopback(SockAddress::Family::V4),
                                          .transports = {sip::Transport::Tcp},
                                          .role = transport::ListenerRole::Both};
    net::InheritedSockets none;
    auto sockets = transport::open_listener_sockets({.name = edge.name,
                                                     .address = edge.address,
                                                     .lanes = kStreamLanes,
                                                     .has_udp = false,
                                                     .has_tcp = true},
                                                    none);
    EXPECT_TRUE(sockets.has_value());
    edge_ = sockets->address;
    test::SnapshotInput input{.listeners = {edge},
                              .groups = {{.name = "pbx",
                                          .servers = {{.name = "s0",
                                                       .address = server_.listener.address(),
                                                       .transport = sip::Transport::Tcp}}}},
                              .routes = {{.name = "default"}}};
    input.listeners[0].address = edge_;
    around_.emplace(test::make_snapshot(input), 2);
    for (size_t w = 0; w < 2; ++w) {
      auto worker = Worker::create({.index = w,
                                    .worker_count = 2,
                                    .lane_count = kStreamLanes,
                                    .slots = {64, 4, 4},
                                    .streams = {.channels = 16, .queue_entries = 64},
                                    .unfinished = {8, 2, 1},
                                    .mailbox = {.small_count = 64, .large_count = 4}},
                                   around_->parts(rings_[w], census_), {&*sockets, 1});
      EXPECT_TRUE(worker.has_value());
      workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) worker->connect(workers_);
    for (const auto& worker : workers_) {
      threads_.emplace_back([&worker] { worker->run(); });
    }
  }
  ~WorkerStreamsTest() override { stop(); }

  void stop() {
    for (const auto& worker : workers_) worker->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  // The head of the next message; all of it, since none has a body.
  static std::string receive_message(int fd) {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      const std::string octet = test::receive(fd, 1);
      if (octet.empty()) return {};
      text += octet;
    }
    return text;
  }
  // One that listens, and the connections that it has accepted.
  struct Party {
    test::PlainListener listener{SockAddress::Family::V4};
    std::vector<net::FileDescriptor> streams;
  };
  // What it gets next and by which connection; an empty text where nothing comes.
  static std::string next_at(Party& party, int& by) {
    for (;;) {
      std::vector<pollfd> waiting{{.fd = party.listener.fd(), .events = POLLIN, .revents = 0}};
      for (const auto& stream : party.streams) {
        waiting.push_back({.fd = stream.get(), .events = POLLIN, .revents = 0});
      }
      if (::poll(waiting.data(), waiting.size(), test::kPatienceMs) <= 0) return {};
      if (waiting[0].revents != 0) {
        party.streams.push_back(party.listener.accept());
        continue;
      }
      const auto ready = std::find_if(waiting.begin(), waiting.end(),
                                      [](const pollfd& each) { return each.revents != 0; });
      by = ready->fd;
      return receive_message(by);
    }
  }
  [[nodiscard]] uint64_t conservation_difference() const {
    uint64_t total = 0;
    for (const auto& worker : workers_) {
      for (size_t n = 0; n < worker->lane_count(); ++n) {
        total += worker->lane(n).counters.conservation_difference.value();
      }
    }
    return total;
  }
  static std::string options_of(int call, std::string_view sent_by) {
    return SipBuilder::request(sip::Method::Options)
        .call_id("call-" + std::to_string(call))
        .via("SIP/2.0/TCP " + std::string(sent_by) + ";branch=z9hG4bK" + std::to_string(call))
        .str();
  }

  Party server_;
  SockAddress edge_;
  EventBell bell_;
  EventRing rings_[2]{EventRing(bell_), EventRing(bell_)};
  transport::ConnectionCensus census_{{.lanes = kStreamLanes, .channels = 16}};
  std::optional<test::SharedSurroundings> around_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

TEST_F(WorkerStreamsTest, AnswersComeByTheirConnectionWhicheverLaneHasIt) {
  const auto client = test::connect_plain(edge_);
  for (int call = 0; call < 32; ++call) {
    test::send_all(client.get(), options_of(call, "192.0.2.1"));
    int by = -1;
    const std::string request = next_at(server_, by);
    ASSERT_TRUE(request.starts_with("OPTIONS ")) << request;
    test::send_all(by, SipBuilder::answer_to(request).str());
    const std::string response = receive_message(client.get());
    EXPECT_TRUE(response.starts_with("SIP/2.0 200 ")) << response;
    EXPECT_NE(response.find("Call-ID: call-" + std::to_string(call) + "\r\n"), std::string::npos);
  }
  EXPECT_EQ(server_.streams.size(), kStreamLanes);
  stop();
  const auto posted = [this](size_t w) { return workers_[w]->counters().mail_posted.value(); };
  EXPECT_GT(posted(0) + posted(1), 0U);
  EXPECT_EQ(conservation_difference(), 0U);
}

TEST_F(WorkerStreamsTest, AnAnswerWhoseConnectionIsGoneFindsTheClientWhereItListens) {
  Party phone;
  for (int call = 0; call < 8; ++call) {
    auto client = test::connect_plain(edge_);
    test::send_all(client.get(), options_of(call, phone.listener.address().text()));
    int by = -1;
    const std::string request = next_at(server_, by);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    client = {};
    test::send_all(by, SipBuilder::answer_to(request).str());
  }
  for (int call = 0; call < 8; ++call) {
    int by = -1;
    const std::string response = next_at(phone, by);
    EXPECT_TRUE(response.starts_with("SIP/2.0 200 ")) << response;
  }
  EXPECT_LE(phone.streams.size(), kStreamLanes);
}

}  // namespace
}  // namespace siplb::proxy
