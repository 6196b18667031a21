// What the workers do, in sums of their counters: for operators, and for rates between two looks.
//
// Reads counters that the workers are writing: it costs them nothing.
// Thread: any, plain values.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "balance/topology.h"
#include "base/counter.h"
#include "base/time.h"
#include "proxy/worker.h"

namespace siplb::app {

using Workers = std::span<const std::unique_ptr<proxy::Worker>>;

struct MessageSums {
  uint64_t received = 0;
  uint64_t forwarded = 0;
  uint64_t answered = 0;     // by us
  uint64_t unavailable = 0;  // of these: 503
  uint64_t dropped = 0;
};

struct PoolUse {
  uint64_t used = 0;
  uint64_t total = 0;
};

struct WorkerView {
  std::vector<uint8_t> lanes;
  MessageSums messages;
  uint64_t transactions = 0;  // under way
  uint64_t connections = 0;
  PoolUse send_slots;
  PoolUse held_slots;
  Duration tick_median{};
  Duration tick_p99{};
};
[[nodiscard]] WorkerView worker_view(const proxy::Worker& worker);

// A listener's sockets, of all lanes.
struct SocketSums {
  uint64_t kernel_drops = 0;
  uint64_t kernel_queue_bytes = 0;
  uint64_t receive_buffer_bytes = 0;
};
[[nodiscard]] SocketSums socket_sums(Workers workers, transport::ListenerIndex listener);

struct ServerSums {
  uint64_t requests = 0;
  std::array<uint64_t, 6> responses{};  // by hundreds: [0] = 1xx
};
[[nodiscard]] ServerSums server_sums(Workers workers, balance::ServerIndex server);

// How many ticks of all workers have taken at most so long; the last: all.
inline constexpr std::array<std::chrono::microseconds, 10> kTickBounds = {
    std::chrono::microseconds(10),     std::chrono::microseconds(25),
    std::chrono::microseconds(50),     std::chrono::microseconds(100),
    std::chrono::microseconds(250),    std::chrono::microseconds(1000),
    std::chrono::microseconds(2500),   std::chrono::microseconds(10'000),
    std::chrono::microseconds(50'000), std::chrono::microseconds(250'000)};
using TickSums = std::array<uint64_t, kTickBounds.size() + 1>;
[[nodiscard]] TickSums tick_sums(Workers workers);

[[nodiscard]] MessageSums message_sums(Workers workers);

}  // namespace siplb::app
