// The real Wire of one lane: its UDP sockets, one per listener, and its send queue.
//
// In: each tick drains a ready socket in batches, up to a budget, into the Receiver.
// Out: send() copies a message into one slot and queues it; flush(), once a tick, sends with
// sendmmsg. A message that finds a limit reached makes send() flush its socket first, so only what
// the kernel will not take stays in the queue: until the socket is writable again.
// The queue is one for all sockets, in order per socket. An endpoint holds at most its share of
// it; endpoints are told apart by a seeded hash, so two of them may happen to share one share.
// What the kernel says of undeliverable messages comes up within any send() or receive(), also one
// that the receiver has called. So it is gathered, and told once the receiver has returned: after a
// socket's events, and in flush(). It may send from there like from anywhere.
// Thread: one, the lane's worker; the counters may be read by any.
// Bounds: queue_entries, endpoint_entries, receive_budget, kUndeliveredMax between two tellings
// (the rest is counted only); no heap after start(), but where sockets come and go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/fixed_string.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/udp_socket.h"
#include "transport/message_slots.h"
#include "transport/wire.h"

namespace siplb::transport {

// The longest payload of a UDP datagram over IPv4.
inline constexpr size_t kUdpMessageMax = 65507;

struct LaneSocketsOptions {
  size_t listeners_max = kListenersMax;
  size_t queue_entries = 1024;    // at least 1
  size_t endpoint_entries = 256;  // of the queue, for one endpoint; at least 1
  size_t receive_budget = 256;    // datagrams per socket and tick
  uint64_t endpoint_seed = 0;     // random at start, so that nobody can aim at another's share
};

// Why the kernel did not send a datagram.
enum class SendErrorKind : uint8_t { Unreachable, NotPermitted, TooLong, NoBuffers, Other, kCount };
enum class IcmpErrorKind : uint8_t { Refused, Other, kCount };

struct LaneSocketCounters {
  Counter received_datagrams;
  Counter received_octets;
  Counter received_truncated;  // dropped: longer than the receive buffer
  Counter sent_datagrams;
  Counter sent_octets;
  CounterArray<SendStatus> send_status;     // each call of send(), by its answer
  CounterArray<SendErrorKind> send_errors;  // queued, but then skipped
  CounterArray<IcmpErrorKind> icmp_errors;
  Counter queue_depth;
  Counter queue_high_water;
};

struct SocketCounters {
  Counter kernel_drops;
  Counter kernel_queue_bytes;  // at the last reading
  Counter granted_receive_bytes;
};

class LaneSockets final : public Wire {
 public:
  // The batch and the slots belong to the worker and serve all its lanes.
  LaneSockets(net::DatagramBatch& batch, MessageSlots& slots, const LaneSocketsOptions& options);
  ~LaneSockets() override;
  LaneSockets(const LaneSockets&) = delete;
  LaneSockets& operator=(const LaneSockets&) = delete;

  // Begins to read the sockets that it has. Both are borrowed for the rest of this object's life.
  // After a failure this object is only good for destruction. Requires: once.
  [[nodiscard]] Result<void> start(net::EventLoop& loop, Receiver& receiver);

  // What follows takes heap, and is called before start() or between two ticks.
  // Once this object has started, the socket can be sent by at once, and is read from listen() on:
  // so nothing comes by a listener that others do not know yet. Requires: the listener has none.
  [[nodiscard]] Result<void> add_socket(ListenerIndex listener, net::UdpSocket socket);
  // Requires: started; the listener has a socket.
  void listen(ListenerIndex listener);
  // Reads what waits, as far as a tick's budget goes. Requires: started.
  void drain(ListenerIndex listener, Instant now);
  // Reads and sends what waits, as far as that goes, and takes the socket out of use. It is closed
  // when what is returned goes, by whichever thread. Null where there is none. Requires: started.
  [[nodiscard]] std::unique_ptr<net::Watched> remove_socket(ListenerIndex listener, Instant now);

  // Requires: started.
  SendStatus send(const Flow& flow, std::span<const std::string_view> pieces) override;
  // Gives the kernel what it will take, and tells the receiver what did not leave; goes on with
  // what it sends then. Call it at the end of each tick, never from the receiver. Requires: the
  // receiver does not try one message for ever.
  void flush();
  // Reads fill and drops of the kernel's queues if the last reading is 100 ms old, and returns the
  // drops since then.
  uint64_t sample_kernel_queues(Instant now);

  [[nodiscard]] const LaneSocketCounters& counters() const { return counters_; }
  [[nodiscard]] bool has_socket(ListenerIndex listener) const {
    return listener < sockets_.size() && sockets_[listener] != nullptr;
  }
  // For others to send by (UdpSocket::send_one); null where the listener has no socket. It stays
  // where it is for as long as what remove_socket() returns.
  [[nodiscard]] const net::UdpSocket* socket(ListenerIndex listener) const;
  // Of all sockets that it has had. Requires: the listener is below options.listeners_max.
  [[nodiscard]] const SocketCounters& socket_counters(ListenerIndex listener) const {
    return socket_counters_[listener];
  }
  // Requires: the listener has a socket.
  [[nodiscard]] const SockAddress& address(ListenerIndex listener) const;

 private:
  class Socket;
  struct Entry;

  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kUndeliveredMax = 64;
  // About what a router quotes of a datagram over IPv4: 576 octets with all the headers.
  static constexpr size_t kQuoteOctetsMax = 512;

  struct Undelivered {
    SockAddress destination;
    FixedString<kQuoteOctetsMax> quote;
  };

  [[nodiscard]] bool is_started() const { return loop_ != nullptr; }
  [[nodiscard]] Socket* socket_for(const Flow& flow) const;
  SendStatus queue(const Flow& flow, std::span<const std::string_view> pieces);
  SendStatus try_queue(Socket& socket, const Flow& flow, std::span<const std::string_view> pieces);
  void free_entry(uint32_t at);
  void gather(std::string_view quote, const SockAddress& destination);
  // False where there was nothing to tell.
  bool tell_undelivered();

  net::DatagramBatch& batch_;
  MessageSlots& slots_;
  const LaneSocketsOptions options_;
  net::EventLoop* loop_ = nullptr;
  Receiver* receiver_ = nullptr;
  std::vector<std::unique_ptr<Socket>> sockets_;  // by ListenerIndex, null where none
  std::vector<SocketCounters> socket_counters_;   // by ListenerIndex
  std::vector<Inbound> inbound_;                  // what the receiver is shown of one batch
  std::vector<Entry> entries_;
  std::vector<uint32_t> endpoint_depths_;  // entries in the queue, by hash of the endpoint
  uint32_t free_entries_ = kNone;          // head of the chain of unused entries
  uint64_t queue_depth_ = 0;
  size_t undelivered_count_ = 0;
  std::array<Undelivered, kUndeliveredMax> undelivered_;
  std::optional<Instant> sampled_at_;
  LaneSocketCounters counters_;
};

}  // namespace siplb::transport
