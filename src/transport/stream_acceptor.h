// The listening socket of one listener in one lane.
//
// Thread: one, the lane's worker. Bounds: kBudget connections each tick.
#pragma once

#include <chrono>
#include <utility>

#include "net/event_loop.h"
#include "net/tcp_listener.h"
#include "transport/lane_streams.h"

namespace siplb::transport {

class LaneStreams::Acceptor final : public net::Watched {
 public:
  static constexpr size_t kBudget = 64;
  // When no edge will tell that connections wait.
  static constexpr Duration kPause = std::chrono::milliseconds(100);

  Acceptor(LaneStreams& lane, ListenerIndex listener, net::TcpListener socket)
      : lane_(lane), listener_(listener), socket_(std::move(socket)) {}

  [[nodiscard]] net::TcpListener& socket() { return socket_; }
  [[nodiscard]] const net::TcpListener& socket() const { return socket_; }

  // From now on clients come in.
  void listen() {
    is_listening_ = true;
    lane_.loop_->set_interest(*this, net::kReadable);
  }
  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override;

 private:
  LaneStreams& lane_;
  const ListenerIndex listener_;
  net::TcpListener socket_;
  bool is_listening_ = false;
};

}  // namespace siplb::transport
