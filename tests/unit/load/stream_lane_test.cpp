#include "load/stream_lane.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/loopback.h"
#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using namespace std::chrono_literals;
using siplb::test::address_of;
using siplb::test::loopback;
using siplb::test::open_plain;
using siplb::test::SipBuilder;
using siplb::test::wait_readable;
using ::testing::ElementsAre;
using Family = SockAddress::Family;

std::string message(std::string_view call_id) {
  return SipBuilder::request(sip::Method::Options).call_id(std::string(call_id)).str();
}

// The remote end of a connection, by system calls only.
class PlainStream {
 public:
  explicit PlainStream(net::FileDescriptor fd) : fd_(std::move(fd)) {}
  static PlainStream connect(const SockAddress& to) {
    PlainStream stream(open_plain(loopback(Family::V4), SOCK_STREAM));
    sockaddr_storage native;
    const socklen_t length = to.to(native);
    EXPECT_EQ(::connect(stream.fd_.get(), reinterpret_cast<const sockaddr*>(&native), length), -1);
    EXPECT_EQ(errno, EINPROGRESS);
    return stream;
  }

  // False where there is no room for it now.
  bool send(std::string_view octets) {
    return ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL) > 0;
  }
  // What is there now, `end` set where no more comes.
  std::string receive() {
    std::string octets(65536, '\0');
    const ssize_t length = ::recv(fd_.get(), octets.data(), octets.size(), 0);
    has_ended = length == 0 || (length < 0 && errno == ECONNRESET);
    was_reset = length < 0 && errno == ECONNRESET;
    octets.resize(length > 0 ? static_cast<size_t>(length) : 0);
    return octets;
  }
  void close() { fd_ = net::FileDescriptor(); }

  bool has_ended = false;
  bool was_reset = false;

 private:
  net::FileDescriptor fd_;
};

class PlainListener {
 public:
  PlainListener()
      : fd_(open_plain(loopback(Family::V4), SOCK_STREAM)), address_(address_of(fd_.get())) {
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
  }
  [[nodiscard]] const SockAddress& address() const { return address_; }
  PlainStream accept() {
    EXPECT_TRUE(wait_readable(fd_.get()));
    return PlainStream(net::FileDescriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK)));
  }
  [[nodiscard]] bool has_more() {
    pollfd waiting{fd_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
};

class Sink final : public transport::Receiver {
 public:
  void on_batch(std::span<transport::Inbound> batch, Instant /*now*/) override {
    for (const transport::Inbound& inbound : batch) {
      texts.emplace_back(inbound.octets.begin(), inbound.octets.end());
      flows.push_back(inbound.flow);
    }
  }
  void on_disconnected(const transport::Flow& flow, uint64_t /*lanes*/) override {
    disconnected.push_back(flow);
  }
  void on_tick(Instant /*now*/) {}

  std::vector<std::string> texts;
  std::vector<transport::Flow> flows;
  std::vector<transport::Flow> disconnected;
};

class StreamLaneTest : public ::testing::Test {
 protected:
  void open(const Reading& accepted = {}, const Reading& opened = {}, uint32_t stuck_count = 0) {
    auto opening = StreamLane::open({.addresses = {loopback(Family::V4)},
                                     .accepted = {accepted},
                                     .opened = opened,
                                     .stuck_count = stuck_count});
    ASSERT_TRUE(opening.has_value());
    lane = std::move(*opening);
    ASSERT_TRUE(lane->start(sink).has_value());
  }

  transport::SendStatus send(const transport::Flow& flow, std::string_view text) {
    return lane->wire().send(flow, {&text, 1});
  }

  // Ticks until it is so, and returns whether it was in time.
  template <class Condition>
  bool runs_until(Condition&& condition) {
    const Instant patience = lane->loop().wait(Instant{}) + 5s;
    Instant now{};
    while (!condition() && now < patience) now = lane->tick(sink, now + 1ms);
    return now < patience;
  }
  bool runs_until_heard(size_t count) {
    return runs_until([&] { return sink.texts.size() >= count; });
  }
  // What the stream brings, up to so many octets.
  std::string hear(PlainStream& stream, size_t octets) {
    std::string out;
    EXPECT_TRUE(runs_until([&] {
      out += stream.receive();
      return out.size() >= octets;
    }));
    return out;
  }
  bool runs_until_ended(PlainStream& stream) {
    return runs_until([&] {
      stream.receive();
      return stream.has_ended;
    });
  }

  static transport::Flow opened(const SockAddress& remote, uint32_t slot, uint32_t generation = 1) {
    return {.remote = remote,
            .transport = sip::Transport::Tcp,
            .connection = transport::ConnectionId(
                {.is_outbound = true, .slot = slot, .generation = generation})};
  }

  Sink sink;
  std::unique_ptr<StreamLane> lane;
  PlainListener listener;
};

TEST_F(StreamLaneTest, SaysThatAnAddressIsTaken) {
  const auto opening = StreamLane::open({.addresses = {listener.address()}, .accepted = {{}}});
  ASSERT_FALSE(opening.has_value());
  EXPECT_EQ(opening.error().code, ErrorCode::AddressInUse);
}

TEST_F(StreamLaneTest, CutsWhatComesInIntoMessagesHoweverItIsCut) {
  open();
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  const std::string first = message("a");
  ASSERT_TRUE(runs_until([&] { return lane->connections().accepted == 1; }));
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(peer.send(first.substr(i, 1)));
    lane->tick(sink, Instant{});
  }
  EXPECT_TRUE(peer.send(message("b") + "\r\n\r\n" + message("c") + message("d").substr(0, 9)));
  ASSERT_TRUE(runs_until_heard(3));
  EXPECT_THAT(sink.texts, ElementsAre(first, message("b"), message("c")));
  EXPECT_EQ(hear(peer, 2), "\r\n") << "the ping between is answered";
  EXPECT_TRUE(peer.send(message("d").substr(9)));
  ASSERT_TRUE(runs_until_heard(4));
  EXPECT_EQ(sink.texts[3], message("d"));
}

TEST_F(StreamLaneTest, AnswersByTheConnectionThatTheRequestCameBy) {
  open();
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  PlainStream other = PlainStream::connect(lane->addresses()[0]);
  EXPECT_TRUE(runs_until([&] { return lane->connections().accepted == 2; }));
  peer.send(message("a"));
  ASSERT_TRUE(runs_until_heard(1));
  transport::Flow flow = sink.flows[0];
  EXPECT_EQ(flow.transport, sip::Transport::Tcp);
  flow.remote = listener.address();  // counts only when the connection is gone
  EXPECT_EQ(send(flow, "answer"), transport::SendStatus::Queued);
  EXPECT_EQ(hear(peer, 6), "answer");
  EXPECT_EQ(other.receive(), "");
  EXPECT_FALSE(listener.has_more());
}

TEST_F(StreamLaneTest, AnswersByANewConnectionWhereThatOneIsGone) {
  open();
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  ASSERT_TRUE(runs_until([&] { return peer.send(message("a")); }));
  ASSERT_TRUE(runs_until_heard(1));
  peer.close();
  ASSERT_TRUE(runs_until([&] { return lane->connections().lost == 1; }));
  transport::Flow flow = sink.flows[0];
  flow.remote = listener.address();
  EXPECT_EQ(send(flow, "one"), transport::SendStatus::Queued);
  EXPECT_EQ(send(flow, "two"), transport::SendStatus::Queued);
  PlainStream anew = listener.accept();
  EXPECT_EQ(hear(anew, 6), "onetwo");
  EXPECT_EQ(lane->connections().opened, 1U);
}

TEST_F(StreamLaneTest, KeepsAnOpenedConnectionPerSlotAndRemoteEnd) {
  open();
  PlainListener other;
  EXPECT_EQ(send(opened(listener.address(), 0), "a"), transport::SendStatus::Queued);
  EXPECT_EQ(send(opened(listener.address(), 1), "b"), transport::SendStatus::Queued);
  EXPECT_EQ(send(opened(other.address(), 1), "c"), transport::SendStatus::Queued);
  EXPECT_EQ(send(opened(listener.address(), 0), "A"), transport::SendStatus::Queued);
  PlainStream first = listener.accept();
  PlainStream second = listener.accept();
  PlainStream third = other.accept();
  EXPECT_EQ(hear(first, 2), "aA");
  EXPECT_EQ(hear(second, 1), "b");
  EXPECT_EQ(hear(third, 1), "c");
  EXPECT_FALSE(listener.has_more());
  first.send(message("answer"));
  ASSERT_TRUE(runs_until_heard(1));
  EXPECT_EQ(sink.flows[0], opened(listener.address(), 0));
  EXPECT_EQ(lane->connections().opened, 3U);
}

TEST_F(StreamLaneTest, PutsALaterConnectionInTheEarlierOnesPlace) {
  open();
  EXPECT_EQ(send(opened(listener.address(), 0, 1), "a"), transport::SendStatus::Queued);
  PlainStream first = listener.accept();
  EXPECT_EQ(hear(first, 1), "a");
  EXPECT_EQ(send(opened(listener.address(), 0, 1), "b"), transport::SendStatus::Queued);
  EXPECT_EQ(send(opened(listener.address(), 0, 2), "c"), transport::SendStatus::Queued);
  PlainStream second = listener.accept();
  EXPECT_EQ(hear(first, 1), "b") << "what was queued still leaves";
  EXPECT_TRUE(runs_until_ended(first));
  EXPECT_EQ(hear(second, 1), "c");
  EXPECT_EQ(send(opened(listener.address(), 0, 1), "d"), transport::SendStatus::Queued);
  EXPECT_EQ(hear(second, 1), "d") << "what is late takes the present one";
  EXPECT_TRUE(sink.disconnected.empty());
  EXPECT_EQ(lane->connections().lost, 0U);
}

TEST_F(StreamLaneTest, TellsOfConnectionsThatEndOrCannotBeOpened) {
  open();
  const transport::Flow flow = opened(listener.address(), 3);
  EXPECT_EQ(send(flow, "a"), transport::SendStatus::Queued);
  PlainStream peer = listener.accept();
  EXPECT_EQ(hear(peer, 1), "a");
  peer.close();
  ASSERT_TRUE(runs_until([&] { return !sink.disconnected.empty(); }));
  EXPECT_THAT(sink.disconnected, ElementsAre(flow));
  EXPECT_EQ(lane->connections().lost, 1U);

  const SockAddress nobody = address_of(open_plain(loopback(Family::V4), SOCK_STREAM).get());
  (void)send(opened(nobody, 0), "a");
  ASSERT_TRUE(runs_until([&] { return sink.disconnected.size() == 2; }));
  EXPECT_EQ(sink.disconnected[1], opened(nobody, 0));
  EXPECT_EQ(lane->connections().refused, 1U);
  EXPECT_EQ(lane->connections().opened, 1U);
}

TEST_F(StreamLaneTest, ClosesWhatIsNoRowOfMessages) {
  open();
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  ASSERT_TRUE(runs_until([&] { return peer.send(message("a") + "HELLO THERE\r\n\r\n"); }));
  EXPECT_TRUE(runs_until_ended(peer));
  EXPECT_THAT(sink.texts, ElementsAre(message("a")));
  EXPECT_EQ(lane->connections().garbled, 1U);
}

TEST_F(StreamLaneTest, KeepsWhatAPeerDoesNotReadUpToItsLimit) {
  open();
  const transport::Flow flow = opened(listener.address(), 0);
  EXPECT_EQ(send(flow, "a"), transport::SendStatus::Queued);
  PlainStream peer = listener.accept();
  std::string heard = hear(peer, 1);
  const std::string much(StreamLane::kQueueOctetsMax / 4, 'b');
  size_t sent = 1;
  while (sent < 64 * much.size() && send(flow, much) == transport::SendStatus::Queued) {
    sent += much.size();
    lane->tick(sink, Instant{});
  }
  EXPECT_GE(sent, StreamLane::kQueueOctetsMax);
  EXPECT_EQ(send(flow, much), transport::SendStatus::EndpointFull);
  heard += hear(peer, sent - 1);
  EXPECT_EQ(heard.size(), sent);
  EXPECT_EQ(send(flow, "c"), transport::SendStatus::Queued) << "there is room again";
  EXPECT_EQ(hear(peer, 1), "c");
}

TEST_F(StreamLaneTest, NeverReadsWhatIsStuck) {
  open({.stuck = true}, {}, 1);
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  EXPECT_EQ(send(opened(listener.address(), 0), "a"), transport::SendStatus::Queued);
  EXPECT_EQ(send(opened(listener.address(), 1), "b"), transport::SendStatus::Queued);
  PlainStream stuck = listener.accept();
  PlainStream other = listener.accept();
  EXPECT_EQ(hear(stuck, 1), "a") << "but it sends";
  peer.send(message("a"));
  stuck.send(message("b"));
  other.send(message("c"));
  ASSERT_TRUE(runs_until_heard(1));
  const std::string much(65536, 'x');
  size_t sent = 0;
  while (sent < 1000 && (peer.send(much) || stuck.send(much))) {
    ++sent;
    lane->tick(sink, Instant{});
  }
  EXPECT_LT(sent, 1000U) << "nobody makes room";
  EXPECT_THAT(sink.texts, ElementsAre(message("c")));
  EXPECT_EQ(lane->connections().garbled, 0U);
}

TEST_F(StreamLaneTest, ReadsSlowlyWhereAsked) {
  open({.octets_per_second = 1000});
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  const std::string text = message(std::string(250, 'a'));
  const Instant start = lane->loop().wait(Instant{});
  ASSERT_TRUE(runs_until([&] { return peer.send(text); }));
  ASSERT_TRUE(runs_until_heard(1));
  EXPECT_EQ(sink.texts[0], text);
  EXPECT_GE(lane->loop().now() - start, 300ms) << text.size() << " octets, 100 each 100 ms";
}

TEST_F(StreamLaneTest, ResetsAConnectionAfterSoManyMessages) {
  open({.reset_every = 2});
  PlainStream peer = PlainStream::connect(lane->addresses()[0]);
  ASSERT_TRUE(runs_until([&] { return peer.send(message("a")); }));
  ASSERT_TRUE(runs_until_heard(1));
  peer.send(message("b") + message("c"));
  ASSERT_TRUE(runs_until_ended(peer));
  EXPECT_TRUE(peer.was_reset);
  EXPECT_THAT(sink.texts, ElementsAre(message("a"), message("b")));
  EXPECT_EQ(lane->connections().reset, 1U);
  EXPECT_EQ(lane->connections().lost, 0U);
}

}  // namespace
}  // namespace siplb::load
