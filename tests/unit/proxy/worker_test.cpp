#include "proxy/worker.h"

#include <latch>
#include <thread>

#include <poll.h>

#include "lane_fixture.h"
#include "support/loopback.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

constexpr size_t kLanes = 4;
constexpr uint32_t kServerHost = 0x7f000001;

// A plain UDP socket of the test's own.
class Socket {
 public:
  Socket() {
    auto socket = net::UdpSocket::open({.address = SockAddress::v4(0x7f000001, 0)});
    EXPECT_TRUE(socket.has_value());
    fd_ = dup(socket->fd());
    address_ = socket->address();
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] const SockAddress& address() const { return address_; }
  void send(const SockAddress& to, std::string_view text) const {
    sockaddr_storage native;
    const socklen_t length = to.to(native);
    sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&native), length);
  }
  // The next datagram and who sent it; an empty text after ten seconds.
  [[nodiscard]] std::string receive(SockAddress& from) const {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 10'000) != 1) return {};
    std::string text(65536, '\0');
    sockaddr_storage native;
    socklen_t length = sizeof native;
    const ssize_t size =
        recvfrom(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&native), &length);
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    from = SockAddress::from(native);
    return text;
  }

 private:
  int fd_ = -1;
  SockAddress address_;
};

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() : WorkerTest({kServerHost}) {}
  // Servers at the port of `server_` on these addresses, of which only kServerHost hears anything.
  explicit WorkerTest(std::initializer_list<uint32_t> server_hosts) {
    const std::vector<transport::ListenerOptions> options = {
        {.name = "public", .address = SockAddress::v4(0x7f000001, 0)},
        {.name = "inside",
         .address = SockAddress::v4(0x7f000001, 0),
         .role = transport::ListenerRole::Servers}};
    net::InheritedSockets none;
    std::vector<transport::ListenerSockets> listeners;
    balance::GroupOptions pbx{.name = "pbx"};
    pbx.failover.first_response_timeout = std::chrono::seconds(30);
    for (const uint32_t host : server_hosts) {
      pbx.servers.push_back({.name = "s" + std::to_string(pbx.servers.size()),
                             .address = SockAddress::v4(host, server_.address().port())});
    }
    test::SnapshotInput input{
        .listeners = options, .groups = {pbx}, .routes = {{.name = "default"}}};
    for (size_t i = 0; i < options.size(); ++i) {
      auto sockets = transport::open_listener_sockets(
          {.name = options[i].name, .address = options[i].address, .lanes = kLanes}, none);
      EXPECT_TRUE(sockets.has_value());
      input.listeners[i].address = sockets->address;
      listeners.push_back(std::move(*sockets));
    }
    around_.emplace(test::make_snapshot(input), 2);
    snapshot_ = &around_->snapshots.newest();
    for (size_t w = 0; w < 2; ++w) {
      auto worker = Worker::create({.index = w,
                                    .worker_count = 2,
                                    .lane_count = kLanes,
                                    .slots = {64, 4, 4},
                                    .mailbox = {.small_count = 4, .large_count = 2}},
                                   around_->parts(rings_[w], census_), listeners);
      EXPECT_TRUE(worker.has_value());
      workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) worker->connect(workers_);
  }

  void start() {
    for (const auto& worker : workers_) {
      threads_.emplace_back([&worker] { worker->run(); });
    }
  }
  void stop() {
    for (const auto& worker : workers_) worker->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ~WorkerTest() override { stop(); }

  // From `client_`, who is answered where it sent from.
  [[nodiscard]] std::string invite_of(int call) const {
    return SipBuilder::request()
        .call_id("call-" + std::to_string(call))
        .via("SIP/2.0/UDP " + std::string(client_.address().text()) + ";rport;branch=z9hG4bK1")
        .str();
  }

  template <class CounterOf>
  uint64_t sum(CounterOf counter_of) {
    uint64_t total = 0;
    for (const auto& worker : workers_) {
      for (size_t n = 0; n < worker->lane_count(); ++n) total += counter_of(worker->lane(n));
    }
    return total;
  }

  Socket server_;
  Socket client_;
  EventBell bell_;
  transport::ConnectionCensus census_{{}};
  EventRing rings_[2]{EventRing(bell_), EventRing(bell_)};
  std::optional<test::SharedSurroundings> around_;
  const Snapshot* snapshot_ = nullptr;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

TEST_F(WorkerTest, CarriesEachCallThereAndBackWhicheverLaneItLivesOn) {
  start();
  const SockAddress& edge = snapshot_->sides[kPublic].bound;
  for (int call = 0; call < 32; ++call) {
    client_.send(edge, invite_of(call));
    SockAddress from;
    const std::string invite = server_.receive(from);
    EXPECT_EQ(from, snapshot_->sides[kInside].bound);
    server_.send(from, SipBuilder::answer_to(invite).str());
    EXPECT_TRUE(client_.receive(from).starts_with("SIP/2.0 200"));
    EXPECT_EQ(from, edge);
  }
  stop();
  EXPECT_EQ(sum([](const auto& lane) { return lane.counters.forwarded.value(); }), 64U);
  const uint64_t out = sum([](const auto& lane) { return lane.counters.handed_out.sum(); });
  EXPECT_GT(out, 0U);
  EXPECT_EQ(out, sum([](const auto& lane) { return lane.counters.handed_in.value(); }));
  EXPECT_GT(
      workers_[0]->counters().mail_posted.value() + workers_[1]->counters().mail_posted.value(),
      0U);
  EXPECT_EQ(sum([](const auto& lane) { return lane.counters.conservation_difference.value(); }),
            0U);
}

// The worker does not run yet, so its mailbox of four fills up.
TEST_F(WorkerTest, RefusesMailWhenTheMailboxIsFullNewWorkFirst) {
  const auto invite = [](int call) {
    return SipBuilder::request().call_id("call-" + std::to_string(call)).str();
  };
  std::string bye = SipBuilder::request(sip::Method::Bye).to("<sip:bob@example.com>;tag=b1").str();
  const auto post = [&](std::string text) {
    return workers_[1]->post(1, {.octets = text, .flow = {.remote = client_.address()}});
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(post(invite(i)));
  EXPECT_FALSE(post(invite(3)));
  EXPECT_TRUE(post(bye));
  EXPECT_FALSE(post(bye));
  start();
  SockAddress from;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(server_.receive(from).starts_with("INVITE"));
  EXPECT_TRUE(server_.receive(from).starts_with("BYE"));
}

// The second worker does not run yet. Which lanes the datagrams arrive at is the kernel's choice,
// by their source ports: of 24 sockets some reach the first worker, and three calls are what the
// mailbox takes.
TEST_F(WorkerTest, DropsAndCountsWhatAFullMailboxRefuses) {
  const auto refused = [](const auto& lane) {
    return lane.counters.dropped[DropReason::MailboxFull].value();
  };
  std::vector<std::string> elsewhere;  // calls that live on the second worker
  for (int call = 0; elsewhere.size() < 4; ++call) {
    const std::string id = "call-" + std::to_string(call);
    if (lane_of(snapshot_->table_key, id, kLanes) % 2 == 1) elsewhere.push_back(id);
  }
  const std::vector<Socket> clients(24);
  for (const Socket& client : clients) {
    for (const std::string& id : elsewhere) {
      client.send(snapshot_->sides[kPublic].bound, SipBuilder::request().call_id(id).str());
    }
  }
  std::thread first([this] { workers_[0]->run(); });
  while (sum(refused) == 0) std::this_thread::yield();
  workers_[0]->stop();
  first.join();

  const auto handed_out = [](const auto& lane) { return lane.counters.handed_out.sum(); };
  EXPECT_EQ(sum(handed_out), 3U);
  EXPECT_EQ(sum([](const auto& lane) { return static_cast<uint64_t>(lane.counters.difference()); }),
            0U);
}

class UnreachableServerTest : public WorkerTest {
 protected:
  UnreachableServerTest() : WorkerTest({kServerHost, kServerHost + 2}) {}
};

// All lanes send from one port to that server, so that the kernel gives all its refusals to the
// socket of one lane, whoever sent.
TEST_F(UnreachableServerTest, ARefusalReachesTheLaneThatSentWhoeverHeardIt) {
  start();
  for (int call = 0; call < 32; ++call) {
    client_.send(snapshot_->sides[kPublic].bound, invite_of(call));
    SockAddress from;
    const std::string invite = server_.receive(from);
    ASSERT_TRUE(invite.starts_with("INVITE ")) << call;
    server_.send(from, SipBuilder::answer_to(invite).str());
  }
  stop();
  bool is_told_by_another = false;
  for (const auto& worker : workers_) {
    uint64_t failovers = 0;
    uint64_t heard = 0;
    for (size_t n = 0; n < worker->lane_count(); ++n) {
      const Worker::LaneView lane = worker->lane(n);
      failovers += lane.counters.servers[1].failovers[FailoverReason::Unreachable].value();
      heard += lane.sockets.counters().icmp_errors.sum();
    }
    EXPECT_GT(failovers, 0U);
    is_told_by_another |= failovers > heard;
  }
  EXPECT_TRUE(is_told_by_another);
  EXPECT_EQ(sum([](const auto& lane) {
              return lane.counters.servers[1].failovers[FailoverReason::Silence].value();
            }),
            0U);
}

TEST_F(WorkerTest, FinishesWhatOthersHandOverWhenItHasStoppedReading) {
  std::latch has_run(1);
  std::latch has_mail(1);
  std::thread thread([&] {
    workers_[1]->run();
    has_run.count_down();
    has_mail.wait();
    workers_[1]->finish();
  });
  workers_[1]->stop();
  has_run.wait();
  std::string invite = invite_of(1);
  EXPECT_TRUE(workers_[1]->post(1, {.octets = invite, .flow = {.remote = client_.address()}}));
  has_mail.count_down();
  thread.join();
  SockAddress from;
  EXPECT_TRUE(server_.receive(from).starts_with("INVITE"));
}

TEST_F(WorkerTest, CountsEachTurnAsProgress) {
  start();
  const uint64_t before = workers_[0]->progress();
  workers_[0]->wake();
  while (workers_[0]->progress() == before) std::this_thread::yield();
}

TEST_F(WorkerTest, StopsAtOnceWhenIdle) {
  start();
  stop();
}

}  // namespace
}  // namespace siplb::proxy
