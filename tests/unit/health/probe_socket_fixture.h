// A loop for one socket that probes, and who hears of what comes back.
//
// Nothing sleeps: run_until() turns the loop until what the test waits for has come.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "health/probe_socket.h"
#include "sip/message.h"
#include "support/loopback.h"

namespace siplb::test {

class ProbeInbox : public health::ProbeSink {
 public:
  void on_writable(balance::ServerIndex server) override {
    servers.push_back(server);
    ++writable_count;
  }
  void on_message(balance::ServerIndex server, std::string_view message) override {
    servers.push_back(server);
    messages.emplace_back(message);
    if (to_end != nullptr) to_end->end();
  }
  void on_refused(balance::ServerIndex server) override {
    servers.push_back(server);
    ++refused_count;
  }

  std::vector<balance::ServerIndex> servers;  // of each call
  std::vector<std::string> messages;
  int writable_count = 0;
  int refused_count = 0;
  health::ProbeSocket* to_end = nullptr;  // by the first message
};

class ProbeSocketFixture : public testing::Test {
 protected:
  using Family = SockAddress::Family;
  using Step = health::ProbeStep;
  static constexpr balance::ServerIndex kServer = 3;

  [[nodiscard]] health::ProbeSocketParts parts() {
    return {.loop = *loop_, .sink = inbox_, .area = area_};
  }

  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const Instant limit = Clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (!condition()) {
      const Instant now = loop_->wait(limit);
      if (now >= limit) return false;
      loop_->dispatch(now);
    }
    return true;
  }

  std::unique_ptr<net::EventLoop> loop_ = std::move(*net::EventLoop::create(1));
  ProbeInbox inbox_;
  std::vector<char> area_ = std::vector<char>(sip::kMessageOctetsMax + 1);
};

}  // namespace siplb::test
