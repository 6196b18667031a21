#include "health/listener_probe_socket.h"

#include "probe_socket_fixture.h"

namespace siplb::health {
namespace {

using test::Peer;

class ListenerProbeSocketTest : public test::ProbeSocketFixture {
 protected:
  net::UdpSocket listener_ =
      std::move(*net::UdpSocket::open({.address = test::loopback(Family::V4)}));
  Peer server_{Family::V4};
};

TEST_F(ListenerProbeSocketTest, SendsFromTheListenersPort) {
  ListenerProbeSocket socket({.remote = server_.address(), .local = listener_.address()},
                             &listener_, "sip.example.com");
  EXPECT_EQ(socket.sent_by(), "sip.example.com");
  ASSERT_EQ(socket.prepare(), Step::Ready);
  server_.connect(listener_.address());  // takes it from there only
  ASSERT_EQ(socket.send("probe"), Step::Ready);
  EXPECT_EQ(server_.receive(1), std::vector<std::string>{"probe"});
}

TEST_F(ListenerProbeSocketTest, IsUnsendableWithoutAListener) {
  ListenerProbeSocket socket({.remote = server_.address()}, nullptr, "sip.example.com");
  EXPECT_EQ(socket.prepare(), Step::Unsendable);
}

TEST_F(ListenerProbeSocketTest, SaysWhenThisHostCannotSend) {
  ListenerProbeSocket socket({.remote = test::unsendable(Family::V4)}, &listener_, "here");
  ASSERT_EQ(socket.prepare(), Step::Ready);
  EXPECT_EQ(socket.send("probe"), Step::Unsendable);
}

}  // namespace
}  // namespace siplb::health
