#include "app/kept_listeners.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include "support/loopback.h"
#include "support/notify_socket.h"

namespace siplb::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using transport::ListenerOptions;
using transport::ListenerSockets;

// Two lanes; "edge" over UDP and TCP. The test is the systemd: it keeps what it is sent.
class KeptListenersTest : public testing::Test {
 protected:
  std::vector<ListenerSockets> open(std::vector<ListenerOptions> wanted,
                                    net::InheritedSockets left = {}) {
    wanted_ = std::move(wanted);
    std::thread reader([this] { hear(); });
    auto opened = open_kept_listeners({.wanted = wanted_, .open = {}, .lanes = 2}, std::move(left),
                                      systemd_, log_);
    systemd_.stopping();
    reader.join();
    EXPECT_TRUE(opened.has_value());
    return std::move(*opened);
  }

  static ListenerOptions edge() {
    return {.name = "edge",
            .address = test::loopback(SockAddress::Family::V4),
            .transports = {sip::Transport::Udp, sip::Transport::Tcp}};
  }

  // What it keeps goes to the next process; `more` is under names that this one has not sent.
  net::InheritedSockets left_over(const std::vector<std::string>& more = {}) {
    constexpr int kFirst = 900;
    for (const std::string& name : more) {
      store_.push_back({name, net::FileDescriptor(dup(STDERR_FILENO))});
    }
    std::string names;
    for (size_t i = 0; i < store_.size(); ++i) {
      const int fd = kFirst + static_cast<int>(i);
      EXPECT_EQ(dup2(store_[i].fd.get(), fd), fd);
      names += (i == 0 ? "" : ":") + store_[i].name;
    }
    const std::string pid = std::to_string(getpid());
    const std::string count = std::to_string(store_.size());
    told_.clear();
    return net::InheritedSockets::from(
        {.listen_pid = pid, .listen_fds = count, .listen_fdnames = names}, kFirst);
  }

  test::NotifySocket socket_;
  const Systemd systemd_;
  observe::EventLog log_{{.sink = std::make_shared<spdlog::sinks::null_sink_mt>()}};
  std::vector<std::string> told_;  // "keep v1-edge-udp-0" …

 private:
  struct Stored {
    std::string name;
    net::FileDescriptor fd;
  };

  void hear() {
    for (;;) {
      test::Notification heard = socket_.next();
      if (heard.text == "STOPPING=1") return;
      if (heard.text == "BARRIER=1") continue;
      const std::string name = heard.text.substr(heard.text.rfind('=') + 1);
      const bool is_kept = heard.text.starts_with("FDSTORE=1");
      told_.push_back((is_kept ? "keep " : "drop ") + name);
      if (is_kept) {
        store_.push_back({name, std::move(heard.fds.at(0))});
      } else {
        std::erase_if(store_, [&](const Stored& each) { return each.name == name; });
      }
    }
  }

  std::vector<ListenerOptions> wanted_;
  std::vector<Stored> store_;
};

TEST_F(KeptListenersTest, HasSystemdKeepWhatItOpens) {
  const auto opened = open({edge()});
  EXPECT_THAT(told_, ElementsAre("keep v1-edge-udp-0", "keep v1-edge-udp-1", "keep v1-edge-tcp-0",
                                 "keep v1-edge-tcp-1"));
}

TEST_F(KeptListenersTest, AdoptsWhatIsLeftAndSendsNothingAgain) {
  const SockAddress address = open({edge()}).front().address;
  const auto adopted = open({edge()}, left_over());
  EXPECT_TRUE(adopted.front().is_adopted);
  EXPECT_EQ(adopted.front().address, address);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(KeptListenersTest, OpensATransportThatIsNewBesideTheOneThatIsLeft) {
  ListenerOptions options = edge();
  options.transports = {sip::Transport::Udp};
  const SockAddress address = open({options}).front().address;
  const auto opened = open({edge()}, left_over());
  EXPECT_EQ(opened.front().address, address);
  EXPECT_THAT(told_, ElementsAre("keep v1-edge-tcp-0", "keep v1-edge-tcp-1"));
}

TEST_F(KeptListenersTest, AnotherListenerGetsThePortOfOneThatIsGone) {
  const SockAddress address = open({edge()}).front().address;
  ListenerOptions renamed = edge();
  renamed.name = "door";
  renamed.address = address;
  const auto opened = open({renamed}, left_over());
  EXPECT_EQ(opened.front().address, address);
  EXPECT_THAT(told_, ElementsAre("drop v1-edge-tcp-0", "drop v1-edge-tcp-1", "drop v1-edge-udp-0",
                                 "drop v1-edge-udp-1", "keep v1-door-udp-0", "keep v1-door-udp-1",
                                 "keep v1-door-tcp-0", "keep v1-door-tcp-1"));
}

TEST_F(KeptListenersTest, ReplacesASetThatHasANameTwice) {
  const SockAddress address = open({edge()}).front().address;
  ListenerOptions options = edge();
  options.address = address;
  const auto opened = open({options}, left_over({"v1-edge-udp-1"}));
  EXPECT_EQ(opened.front().address, address);
  EXPECT_THAT(told_, ElementsAre("drop v1-edge-udp-0", "drop v1-edge-udp-1", "keep v1-edge-udp-0",
                                 "keep v1-edge-udp-1"));
}

TEST_F(KeptListenersTest, DropsWhatItDoesNotKnow) {
  const auto opened = open({edge()}, left_over({"of-another-version"}));
  EXPECT_EQ(told_.front(), "drop of-another-version");
  EXPECT_EQ(told_.size(), 5U);
}

}  // namespace
}  // namespace siplb::app
