#include "transport/lane_sockets.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"

namespace siplb::transport {
namespace {

constexpr Duration kSampleInterval = std::chrono::milliseconds(100);
// Several buckets per entry keep two endpoints that share one rare.
constexpr size_t kBucketsPerEntry = 4;

SendErrorKind kind_of(int send_errno) {
  switch (send_errno) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN: return SendErrorKind::Unreachable;
    case EPERM:
    case EACCES: return SendErrorKind::NotPermitted;
    case EMSGSIZE: return SendErrorKind::TooLong;
    case ENOBUFS:
    case ENOMEM: return SendErrorKind::NoBuffers;
    default: return SendErrorKind::Other;
  }
}

// False for what says nothing about the destination: our own shortage, and a datagram that was too
// long for some hop, whose repeat goes out in fragments.
bool is_undeliverable(int sys_errno) {
  const SendErrorKind kind = kind_of(sys_errno);
  return kind != SendErrorKind::TooLong && kind != SendErrorKind::NoBuffers;
}

}  // namespace

// One message in the send queue; unused entries are chained as free ones.
struct LaneSockets::Entry {
  StoredText message;
  SockAddress remote;
  SockAddress local;
  uint32_t bucket = 0;
  uint32_t next = kNone;
};

class LaneSockets::Socket final : public net::Watched, public net::UdpErrorHandler {
 public:
  Socket(LaneSockets& lane, ListenerIndex listener, net::UdpSocket udp)
      : lane_(lane), listener_(listener), udp_(std::move(udp)) {
    counters().granted_receive_bytes.set(udp_.granted_receive_bytes());
    if (const auto memory = udp_.memory()) drops_seen_ = memory->drops;
  }

  [[nodiscard]] const net::UdpSocket& udp() const { return udp_; }
  // True while the kernel takes no more: until the socket is writable again.
  [[nodiscard]] bool is_blocked() const { return is_blocked_; }

  void listen();
  void append(uint32_t entry);
  void flush();
  void discard_queue();
  [[nodiscard]] net::Events drain(Instant now);
  void finish(Instant now);
  uint32_t sample_kernel_queue();

  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override;
  void on_icmp_error(const net::IcmpError& error) override;
  void on_send_error(const net::OutgoingDatagram& datagram, int sys_errno) override;

 private:
  void deliver(Instant now);
  void release(size_t count);
  [[nodiscard]] SocketCounters& counters() { return lane_.socket_counters_[listener_]; }

  LaneSockets& lane_;
  const ListenerIndex listener_;
  net::UdpSocket udp_;
  uint32_t head_ = kNone;
  uint32_t tail_ = kNone;
  bool is_blocked_ = false;
  net::Events interest_ = net::kNothing;  // unless it is blocked
  // Of the send() under way.
  size_t skipped_datagrams_ = 0;
  size_t skipped_octets_ = 0;
  uint32_t drops_seen_ = 0;
};

void LaneSockets::Socket::listen() {
  interest_ = net::kReadable;
  lane_.loop_->set_interest(*this, is_blocked_ ? interest_ | net::kWritable : interest_);
}

void LaneSockets::Socket::append(uint32_t entry) {
  if (head_ == kNone) {
    head_ = entry;
  } else {
    lane_.entries_[tail_].next = entry;
  }
  tail_ = entry;
}

void LaneSockets::Socket::flush() {
  while (head_ != kNone && !is_blocked_) {
    std::array<net::OutgoingDatagram, net::UdpSocket::kSendBatchMax> batch;
    size_t count = 0;
    for (uint32_t at = head_; at != kNone && count < batch.size(); at = lane_.entries_[at].next) {
      const Entry& entry = lane_.entries_[at];
      batch[count++] = {lane_.slots_.text_of(entry.message), entry.remote, entry.local};
    }
    skipped_datagrams_ = 0;
    skipped_octets_ = 0;
    const size_t done = udp_.send({batch.data(), count}, *this);
    release(done);
    if (done < count) {
      is_blocked_ = true;
      // Only while blocked: with a standing interest each datagram that has left would end a sleep.
      lane_.loop_->set_interest(*this, interest_ | net::kWritable);
    }
  }
}

// Takes the first `count` entries out of the queue: they are sent or skipped.
void LaneSockets::Socket::release(size_t count) {
  size_t octets = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t at = std::exchange(head_, lane_.entries_[head_].next);
    octets += lane_.entries_[at].message.length;
    lane_.free_entry(at);
  }
  lane_.counters_.sent_datagrams.add(count - skipped_datagrams_);
  lane_.counters_.sent_octets.add(octets - skipped_octets_);
}

void LaneSockets::Socket::discard_queue() {
  while (head_ != kNone) {
    const uint32_t at = std::exchange(head_, lane_.entries_[head_].next);
    lane_.free_entry(at);
  }
}

// What comes of what it reads is sent by it while it still can.
void LaneSockets::Socket::finish(Instant now) {
  static_cast<void>(drain(now));
  flush();
  discard_queue();
  lane_.loop_->remove(*this);
}

net::Events LaneSockets::Socket::on_ready(net::Events events, Instant now) {
  net::Events left = 0;
  if ((events & net::kFailed) != 0 && udp_.drain_errors(*this) == net::UdpSocket::kErrorsPerDrain) {
    left |= net::kFailed;
  }
  if ((events & net::kWritable) != 0 && is_blocked_) {
    is_blocked_ = false;
    flush();
    if (!is_blocked_) lane_.loop_->set_interest(*this, interest_);
  }
  if ((events & net::kReadable) != 0) left |= drain(now);
  lane_.tell_undelivered();
  return left;
}

net::Events LaneSockets::Socket::drain(Instant now) {
  if (interest_ == net::kNothing) return 0;  // it was never to listen
  for (size_t taken = 0; taken < lane_.options_.receive_budget;) {
    const net::ReceiveStatus status = udp_.receive(lane_.batch_, *this);
    taken += lane_.batch_.datagrams().size() + lane_.batch_.truncated();
    deliver(now);
    if (status == net::ReceiveStatus::Drained) return 0;
  }
  return net::kReadable;
}

void LaneSockets::Socket::deliver(Instant now) {
  LaneSocketCounters& counters = lane_.counters_;
  counters.received_truncated.add(lane_.batch_.truncated());
  const auto datagrams = lane_.batch_.datagrams();
  if (datagrams.empty()) return;
  size_t octets = 0;
  for (size_t i = 0; i < datagrams.size(); ++i) {
    octets += datagrams[i].octets.size();
    lane_.inbound_[i] = {
        .octets = datagrams[i].octets,
        .flow = {.remote = datagrams[i].remote,
                 .local = datagrams[i].local,
                 .listener = listener_,
                 .transport = sip::Transport::Udp},
    };
  }
  counters.received_datagrams.add(datagrams.size());
  counters.received_octets.add(octets);
  lane_.receiver_->on_batch({lane_.inbound_.data(), datagrams.size()}, now);
}

void LaneSockets::Socket::on_icmp_error(const net::IcmpError& error) {
  const bool refused = error.sys_errno == ECONNREFUSED;
  lane_.counters_.icmp_errors[refused ? IcmpErrorKind::Refused : IcmpErrorKind::Other].add();
  if (is_undeliverable(error.sys_errno)) lane_.gather(error.quote, error.destination);
}

void LaneSockets::Socket::on_send_error(const net::OutgoingDatagram& datagram, int sys_errno) {
  ++skipped_datagrams_;
  skipped_octets_ += datagram.octets.size();
  lane_.counters_.send_errors[kind_of(sys_errno)].add();
  if (is_undeliverable(sys_errno)) lane_.gather(datagram.octets, datagram.remote);
}

// Returns the drops since the last reading.
uint32_t LaneSockets::Socket::sample_kernel_queue() {
  const auto memory = udp_.memory();
  if (!memory) return 0;
  counters().kernel_queue_bytes.set(memory->queued_bytes);
  const uint32_t drops = memory->drops - std::exchange(drops_seen_, memory->drops);
  counters().kernel_drops.add(drops);
  return drops;
}

LaneSockets::LaneSockets(net::DatagramBatch& batch, MessageSlots& slots,
                         const LaneSocketsOptions& options)
    : batch_(batch),
      slots_(slots),
      options_(options),
      sockets_(options.listeners_max),
      socket_counters_(options.listeners_max),
      inbound_(batch.datagrams_max()),
      entries_(options.queue_entries),
      endpoint_depths_(std::bit_ceil(options.queue_entries * kBucketsPerEntry)) {
  SIPLB_ASSERT(options.queue_entries > 0);
  SIPLB_ASSERT(options.endpoint_entries > 0);
  for (uint32_t i = 0; i < options_.queue_entries; ++i) {
    entries_[i].next = std::exchange(free_entries_, i);
  }
}

LaneSockets::~LaneSockets() {
  for (const auto& socket : sockets_) {
    if (socket == nullptr) continue;
    if (socket->is_watched()) loop_->remove(*socket);
    socket->discard_queue();
  }
}

Result<void> LaneSockets::add_socket(ListenerIndex listener, net::UdpSocket udp) {
  SIPLB_ASSERT(!has_socket(listener));
  auto socket = std::make_unique<Socket>(*this, listener, std::move(udp));
  if (is_started()) {
    if (auto added = loop_->add(socket->udp().fd(), net::kNothing, *socket); !added) return added;
  }
  sockets_[listener] = std::move(socket);
  return {};
}

Result<void> LaneSockets::start(net::EventLoop& loop, Receiver& receiver) {
  SIPLB_ASSERT(!is_started());
  loop_ = &loop;
  receiver_ = &receiver;
  for (const auto& socket : sockets_) {
    if (socket == nullptr) continue;
    const int fd = socket->udp().fd();
    if (auto added = loop.add(fd, net::kNothing, *socket); !added) return added;
    socket->listen();
  }
  return {};
}

void LaneSockets::listen(ListenerIndex listener) {
  sockets_[listener]->listen();
}

void LaneSockets::drain(ListenerIndex listener, Instant now) {
  if (has_socket(listener)) static_cast<void>(sockets_[listener]->drain(now));
}

std::unique_ptr<net::Watched> LaneSockets::remove_socket(ListenerIndex listener, Instant now) {
  if (!has_socket(listener)) return nullptr;
  sockets_[listener]->finish(now);
  return std::move(sockets_[listener]);
}

SendStatus LaneSockets::send(const Flow& flow, std::span<const std::string_view> pieces) {
  SIPLB_ASSERT(is_started());
  const SendStatus status = queue(flow, pieces);
  counters_.send_status[status].add();
  return status;
}

SendStatus LaneSockets::queue(const Flow& flow, std::span<const std::string_view> pieces) {
  Socket* const socket = socket_for(flow);
  if (socket == nullptr) return SendStatus::NoSocket;
  if (length_of(pieces) > kUdpMessageMax) return SendStatus::TooLong;

  const SendStatus status = try_queue(*socket, flow, pieces);
  if (status == SendStatus::Queued || socket->is_blocked()) return status;
  // One tick may bring more than the queue holds; what the kernel takes now makes room.
  socket->flush();
  return try_queue(*socket, flow, pieces);
}

SendStatus LaneSockets::try_queue(Socket& socket, const Flow& flow,
                                  std::span<const std::string_view> pieces) {
  if (free_entries_ == kNone) return SendStatus::QueueFull;
  const uint32_t bucket = static_cast<uint32_t>(
      hash_octets(flow.remote.ip_octets(), options_.endpoint_seed + flow.remote.port()) &
      (endpoint_depths_.size() - 1));
  if (endpoint_depths_[bucket] >= options_.endpoint_entries) return SendStatus::EndpointFull;
  const auto message = slots_.store(pieces);
  if (!message) return SendStatus::NoSlot;

  const uint32_t at = free_entries_;
  Entry& entry = entries_[at];
  free_entries_ = entry.next;
  entry = {.message = *message,
           .remote = flow.remote,
           .local = flow.local,
           .bucket = bucket,
           .next = kNone};
  ++endpoint_depths_[bucket];
  ++queue_depth_;
  counters_.queue_depth.set(queue_depth_);
  counters_.queue_high_water.set(std::max(queue_depth_, counters_.queue_high_water.value()));
  socket.append(at);
  return SendStatus::Queued;
}

void LaneSockets::free_entry(uint32_t at) {
  Entry& entry = entries_[at];
  slots_.give_back(entry.message.slot);
  --endpoint_depths_[entry.bucket];
  entry.next = std::exchange(free_entries_, at);
  --queue_depth_;
  counters_.queue_depth.set(queue_depth_);
}

LaneSockets::Socket* LaneSockets::socket_for(const Flow& flow) const {
  if (flow.transport != sip::Transport::Udp || flow.listener >= sockets_.size()) return nullptr;
  Socket* const socket = sockets_[flow.listener].get();
  const bool reaches =
      socket != nullptr && socket->udp().address().family() == flow.remote.family();
  return reaches ? socket : nullptr;
}

void LaneSockets::flush() {
  do {
    for (const auto& socket : sockets_) {
      if (socket != nullptr) socket->flush();
    }
  } while (tell_undelivered());
}

void LaneSockets::gather(std::string_view quote, const SockAddress& destination) {
  if (undelivered_count_ == undelivered_.size()) return;
  Undelivered& undelivered = undelivered_[undelivered_count_++];
  undelivered.destination = destination;
  undelivered.quote.clear();
  undelivered.quote.append(quote.substr(0, kQuoteOctetsMax));
}

bool LaneSockets::tell_undelivered() {
  const bool any = undelivered_count_ > 0;
  // What the receiver sends may find a full queue, and so bring more: it is told here too, and the
  // array is not used again before, so that the quote at hand stays as it is.
  for (size_t i = 0; i < undelivered_count_; ++i) {
    receiver_->on_undelivered(undelivered_[i].quote, undelivered_[i].destination);
  }
  undelivered_count_ = 0;
  return any;
}

uint64_t LaneSockets::sample_kernel_queues(Instant now) {
  if (sampled_at_ && now - *sampled_at_ < kSampleInterval) return 0;
  sampled_at_ = now;
  uint64_t drops = 0;
  for (const auto& socket : sockets_) {
    if (socket != nullptr) drops += socket->sample_kernel_queue();
  }
  return drops;
}

const net::UdpSocket* LaneSockets::socket(ListenerIndex listener) const {
  return has_socket(listener) ? &sockets_[listener]->udp() : nullptr;
}

const SockAddress& LaneSockets::address(ListenerIndex listener) const {
  return sockets_[listener]->udp().address();
}

}  // namespace siplb::transport
