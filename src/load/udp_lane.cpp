#include "load/udp_lane.h"

namespace siplb::load {

namespace {

constexpr size_t kDescriptorsMax = 80;  // the sockets, and what the program itself watches
constexpr uint32_t kUdpReceiveBufferBytes = 8 << 20;
// A tick's worth of answers, also to a burst from many sources.
constexpr size_t kQueueEntries = 8192;

tl::unexpected<Error> fail(const Error& error) {
  return tl::unexpected<Error>(error);
}

}  // namespace

Result<std::unique_ptr<UdpLane>> UdpLane::open(const std::vector<SockAddress>& addresses) {
  auto loop = net::EventLoop::create(kDescriptorsMax);
  if (!loop) return fail(loop.error());
  std::unique_ptr<UdpLane> lane(new UdpLane(std::move(*loop)));
  auto batch = net::DatagramBatch::reserve({});
  if (!batch) return fail(batch.error());
  auto slots = transport::MessageSlots::reserve(
      {.small_count = kQueueEntries, .medium_count = 64, .large_count = 16});
  if (!slots) return fail(slots.error());
  lane->batch_ = std::move(*batch);
  lane->slots_ = std::move(*slots);
  // One remote end may be all there is, so no share of the queue is kept from it.
  lane->sockets_ = std::make_unique<transport::LaneSockets>(
      *lane->batch_, *lane->slots_,
      transport::LaneSocketsOptions{.listeners_max = addresses.size(),
                                    .queue_entries = kQueueEntries,
                                    .endpoint_entries = kQueueEntries});
  for (const SockAddress& address : addresses) {
    auto socket = net::UdpSocket::open({.address = address,
                                        .receive_buffer_bytes = kUdpReceiveBufferBytes,
                                        .send_buffer_bytes = kUdpReceiveBufferBytes});
    if (!socket) return fail(socket.error());
    const auto listener = static_cast<transport::ListenerIndex>(lane->addresses_.size());
    lane->addresses_.push_back(socket->address());
    if (auto added = lane->sockets_->add_socket(listener, std::move(*socket)); !added) {
      return fail(added.error());
    }
  }
  return lane;
}

Result<void> UdpLane::start(transport::Receiver& receiver) {
  return sockets_->start(*loop_, receiver);
}

void UdpLane::flush(Instant now) {
  sockets_->flush();
  sockets_->sample_kernel_queues(now);
}

uint64_t UdpLane::kernel_drops() const {
  uint64_t drops = 0;
  for (size_t index = 0; index < addresses_.size(); ++index) {
    const auto listener = static_cast<transport::ListenerIndex>(index);
    drops += sockets_->socket_counters(listener).kernel_drops.value();
  }
  return drops;
}

}  // namespace siplb::load
