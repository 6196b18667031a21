#include "health/tcp_probe_socket.h"

#include <string>

#include "probe_socket_fixture.h"
#include "support/loopback_tcp.h"
#include "support/sip_builder.h"

namespace siplb::health {
namespace {

using test::PlainListener;
using test::send_all;
using test::SipBuilder;

class TcpProbeSocketTest : public test::ProbeSocketFixture {
 protected:
  // Connects socket_ and server_.
  void connect() {
    const int before = inbox_.writable_count;
    ASSERT_EQ(socket_.prepare(), Step::Connecting);
    ASSERT_TRUE(run_until([&] { return inbox_.writable_count == before + 1; }));
    server_ = listener_.accept();
    ASSERT_TRUE(server_.is_open());
  }
  void reset_server() {
    const linger none{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(server_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    server_ = {};
  }
  [[nodiscard]] bool has_messages(size_t count) {
    return run_until([&] { return inbox_.messages.size() == count; });
  }
  [[nodiscard]] bool is_refused() {
    return run_until([&] { return inbox_.refused_count == 1; });
  }

  const std::string answer_ = SipBuilder::response().str();
  PlainListener listener_{Family::V4};
  net::FileDescriptor server_;
  TcpProbeSocket socket_{{.server = kServer, .remote = listener_.address()}, parts()};
};

TEST_F(TcpProbeSocketTest, SendsOnceItIsConnected) {
  connect();
  EXPECT_EQ(inbox_.servers, std::vector<balance::ServerIndex>{kServer});
  ASSERT_EQ(socket_.send("probe"), Step::Ready);
  EXPECT_EQ(test::receive(server_.get(), 5), "probe");
  EXPECT_TRUE(socket_.sent_by().starts_with("127.0.0.1:"));
}

TEST_F(TcpProbeSocketTest, StaysConnected) {
  connect();
  EXPECT_EQ(socket_.prepare(), Step::Ready);
  ASSERT_EQ(socket_.send("probe"), Step::Ready);
  EXPECT_EQ(test::receive(server_.get(), 5), "probe");
}

TEST_F(TcpProbeSocketTest, ConnectsFromTheAddressThatItIsGiven) {
  TcpProbeSocket socket({.remote = listener_.address(), .local = SockAddress::v4(0x7f000002, 5060)},
                        parts());
  ASSERT_EQ(socket.prepare(), Step::Connecting);
  EXPECT_TRUE(socket.sent_by().starts_with("127.0.0.2:"));
}

TEST_F(TcpProbeSocketTest, TakesAnswersHoweverTheyAreCut) {
  connect();
  for (const char octet : answer_) {
    send_all(server_.get(), {&octet, 1});
    loop_->dispatch(loop_->wait(Clock::now()));
  }
  ASSERT_TRUE(has_messages(1));
  EXPECT_EQ(inbox_.messages.front(), answer_);
}

TEST_F(TcpProbeSocketTest, TakesTwoAtOnce) {
  connect();
  const std::string second = SipBuilder::response(404).str();
  send_all(server_.get(), answer_ + "\r\n" + second);
  ASSERT_TRUE(has_messages(2));
  EXPECT_EQ(inbox_.messages, (std::vector<std::string>{answer_, second}));
}

TEST_F(TcpProbeSocketTest, AnswersPings) {
  connect();
  send_all(server_.get(), "\r\n\r\n" + answer_);
  ASSERT_TRUE(has_messages(1));
  EXPECT_EQ(test::receive(server_.get(), 2), "\r\n");
}

TEST_F(TcpProbeSocketTest, TellsOfAClosedPort) {
  const auto closed = test::open_plain(test::loopback(Family::V4), SOCK_STREAM);
  TcpProbeSocket socket({.server = kServer, .remote = test::address_of(closed.get())}, parts());
  // The kernel may say so at once.
  const Step step = socket.prepare();
  EXPECT_TRUE(step == Step::Refused || (step == Step::Connecting && is_refused()));
  EXPECT_EQ(inbox_.writable_count, 0);
}

TEST_F(TcpProbeSocketTest, SaysWhenThisHostCannotConnect) {
  TcpProbeSocket unroutable({.remote = test::unsendable(Family::V4)}, parts());
  EXPECT_EQ(unroutable.prepare(), Step::Unsendable);
  TcpProbeSocket standby({.remote = listener_.address(), .local = test::absent(Family::V4)},
                         parts());
  EXPECT_EQ(standby.prepare(), Step::Unsendable);
}

TEST_F(TcpProbeSocketTest, ConnectsAnewAfterAReset) {
  connect();
  reset_server();
  ASSERT_TRUE(is_refused());
  connect();
  EXPECT_EQ(socket_.send("probe"), Step::Ready);
}

TEST_F(TcpProbeSocketTest, ConnectsAnewAfterTheOtherEndHasClosed) {
  connect();
  server_ = {};
  ASSERT_TRUE(is_refused());
  connect();
}

TEST_F(TcpProbeSocketTest, AMessageThatIsCutOffByTheEndIsNone) {
  connect();
  send_all(server_.get(), answer_.substr(0, answer_.size() - 1));
  server_ = {};
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(inbox_.messages.empty());
  connect();
  send_all(server_.get(), answer_);
  EXPECT_TRUE(has_messages(1));
}

TEST_F(TcpProbeSocketTest, GivesUpWhereNobodyKnowsWhatComesNext) {
  connect();
  send_all(server_.get(), "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_TRUE(is_refused());
  EXPECT_NE(test::ending_of(server_.get()), -1);
}

TEST_F(TcpProbeSocketTest, SaysWhenTheConnectionHasBroken) {
  connect();
  reset_server();
  EXPECT_EQ(socket_.send("probe"), Step::Refused);
}

TEST_F(TcpProbeSocketTest, HearsNothingOnceItHasEnded) {
  connect();
  inbox_.to_end = &socket_;
  send_all(server_.get(), answer_ + answer_);
  ASSERT_TRUE(has_messages(1));
  loop_->dispatch(loop_->wait(Clock::now()));
  EXPECT_EQ(inbox_.messages.size(), 1u);
  EXPECT_EQ(inbox_.refused_count, 0);
}

}  // namespace
}  // namespace siplb::health
