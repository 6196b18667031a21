// How connections begin and end. See lane_streams_io.cpp for what comes and goes by them.
#include "transport/lane_streams.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "transport/stream_acceptor.h"
#include "transport/stream_channel.h"

namespace siplb::transport {
namespace {

using State = StreamChannel::State;

constexpr size_t kSlotOctets = (sizeof(StreamChannel) + 63) / 64 * 64;
// After a failure to open a connection, doubling.
constexpr Duration kPauseMin = std::chrono::milliseconds(100);
constexpr Duration kPauseMax = std::chrono::seconds(5);

Instant pause_until(Instant now, unsigned failures, uint64_t draw) {
  const Duration pause = std::min(kPauseMax, kPauseMin * (1 << std::min(failures - 1, 16U)));
  // Between three and five quarters of it: not all lanes come back at once.
  return now + pause * 3 / 4 + pause * static_cast<int64_t>(draw % 1024) / 2048;
}

}  // namespace

std::string_view name(EndReason reason) {
  constexpr std::array<std::string_view, static_cast<size_t>(EndReason::kCount)> kNames = {
      "peer", "failed",  "refused", "connect", "first_octet", "message",
      "idle", "stalled", "framing", "no_slot", "stop"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view name(RefusedReason reason) {
  constexpr std::array<std::string_view, static_cast<size_t>(RefusedReason::kCount)> kNames = {
      "full", "source_full", "no_channel", "no_descriptor"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view name(Direction direction) {
  return direction == Direction::Accepted ? "accepted" : "opened";
}

net::Events LaneStreams::Acceptor::on_ready(net::Events /*events*/, Instant now) {
  if (!is_listening_) return 0;
  for (size_t taken = 0; taken < kBudget; ++taken) {
    net::Accepted accepted = socket_.accept();
    switch (accepted.status) {
      case net::AcceptStatus::Accepted: lane_.accept(listener_, std::move(accepted)); break;
      case net::AcceptStatus::NoDescriptor:
        lane_.counters_.refused[RefusedReason::NoDescriptor].add();
        break;
      case net::AcceptStatus::Stuck: lane_.accept_again_ = now + kPause; return 0;
      case net::AcceptStatus::Drained: return 0;
    }
  }
  return net::kReadable;
}

Result<std::unique_ptr<LaneStreams>> LaneStreams::reserve(uint8_t lane,
                                                          const StreamOptions& options,
                                                          const Parts& parts) {
  SIPLB_ASSERT(options.channels > 0 && options.channels < ConnectionId::kSlotsMax);
  auto region = MemoryRegion::reserve(options.channels * kSlotOctets);
  if (!region) return tl::unexpected(region.error());
  return std::unique_ptr<LaneStreams>(new LaneStreams(lane, options, parts, std::move(*region)));
}

LaneStreams::LaneStreams(uint8_t lane, const StreamOptions& options, const Parts& parts,
                         MemoryRegion region)
    : lane_(lane),
      options_(options),
      parts_(parts),
      pool_(std::move(region), kSlotOctets),
      channels_(options.channels),
      opened_(std::bit_ceil(options.channels)),
      queues_({.entries = options.queue_entries,
               .queue_entries = options.channel_entries,
               .queue_octets = options.channel_octets},
              parts.send_slots) {
  batch_.reserve(kBatchMax);
}

// The worker's thread has ended by then.
LaneStreams::~LaneStreams() {
  pool_.detach();
  parts_.send_slots.detach();
  parts_.unfinished_slots.detach();
  for (const auto& acceptor : acceptors_) {
    if (acceptor != nullptr && acceptor->is_watched()) loop_->remove(*acceptor);
  }
  for (StreamChannel* const channel : channels_) {
    if (channel == nullptr) continue;
    shut(*channel, EndReason::Stop);
    queues_.clear(channel->queue);
    release(*channel);
  }
}

size_t LaneStreams::memory_octets(const StreamOptions& options) {
  const size_t per_channel = kSlotOctets + sizeof(StreamChannel*) + 2 * sizeof(uint32_t);
  return options.channels * per_channel + std::bit_ceil(options.channels) * sizeof(StreamChannel*) +
         StreamQueues::memory_octets({.entries = options.queue_entries});
}

Result<void> LaneStreams::add_listener(ListenerIndex listener, net::TcpListener socket) {
  SIPLB_ASSERT(acceptors_[listener] == nullptr);
  auto acceptor = std::make_unique<Acceptor>(*this, listener, std::move(socket));
  if (loop_ != nullptr) {
    if (auto watched = watch(*acceptor); !watched) return watched;
  }
  acceptors_[listener] = std::move(acceptor);
  return {};
}

// Nothing comes by it yet.
Result<void> LaneStreams::watch(Acceptor& acceptor) {
  if (auto listening = acceptor.socket().listen(); !listening) return listening;
  return loop_->add(acceptor.socket().fd(), net::kNothing, acceptor);
}

Result<void> LaneStreams::start(net::EventLoop& loop, Receiver& receiver) {
  SIPLB_ASSERT(loop_ == nullptr);
  loop_ = &loop;
  receiver_ = &receiver;
  for (const auto& acceptor : acceptors_) {
    if (acceptor == nullptr) continue;
    if (auto watched = watch(*acceptor); !watched) return watched;
    acceptor->listen();
  }
  return {};
}

void LaneStreams::listen(ListenerIndex listener) {
  acceptors_[listener]->listen();
}

std::unique_ptr<net::Watched> LaneStreams::remove_listener(ListenerIndex listener, Instant now) {
  std::unique_ptr<Acceptor>& acceptor = acceptors_[listener];
  if (acceptor == nullptr) return nullptr;
  static_cast<void>(acceptor->on_ready(net::kReadable, now));  // who waits comes in
  loop_->remove(*acceptor);
  return std::move(acceptor);
}

// So many channels must be left for others.
StreamChannel* LaneStreams::create(const Flow& flow, Direction direction, size_t kept) {
  const bool is_opened = direction == Direction::Opened;
  if (pool_.free_count() <= kept) return nullptr;
  const SlotHandle slot = *pool_.take();
  auto* channel =
      new (pool_.octets(slot).data()) StreamChannel(*this, slot, options_.message_octets_max);
  channels_[slot.index] = channel;
  channel->flow = flow;
  channel->flow.connection = ConnectionId(
      {.lane = lane_, .is_outbound = is_opened, .slot = slot.index, .generation = slot.generation});
  if (is_opened) channel->next_alike = std::exchange(bucket_of(flow), channel);
  return channel;
}

// Requires: it is shut, and its queue is empty.
void LaneStreams::release(StreamChannel& channel) {
  if (channel.is_counted) parts_.census.leave(channel.flow.remote);
  wheel_.cancel(channel);
  if (channel.is_marked) unlink(marked_, channel, &StreamChannel::next_marked);
  if (channel.is_outbound()) unlink(bucket_of(channel.flow), channel, &StreamChannel::next_alike);
  const SlotHandle slot = channel.slot;
  channels_[slot.index] = nullptr;
  channel.~StreamChannel();
  pool_.give_back(slot);
}

// Requires: it is in the chain.
void LaneStreams::unlink(StreamChannel*& head, StreamChannel& channel,
                         StreamChannel* StreamChannel::*next) {
  StreamChannel** at = &head;
  while (*at != &channel) at = &((*at)->*next);
  *at = channel.*next;
}

void LaneStreams::accept(ListenerIndex listener, net::Accepted accepted) {
  const auto refuse = [&](RefusedReason reason) {
    counters_.refused[reason].add();
    accepted.socket.reset();
  };
  switch (parts_.census.admit(accepted.remote)) {
    case Admission::Admitted: break;
    case Admission::SourceFull: return refuse(RefusedReason::SourceFull);
    default: return refuse(RefusedReason::Full);
  }
  Flow flow{.remote = accepted.remote, .listener = listener, .transport = sip::Transport::Tcp};
  if (acceptors_[listener]->socket().address().is_wildcard()) {
    flow.local = accepted.socket.local_address().with_port(0);
  }
  StreamChannel* const channel = create(flow, Direction::Accepted, reserve_of_requests());
  if (channel == nullptr) {
    parts_.census.leave(accepted.remote);
    return refuse(RefusedReason::NoChannel);
  }
  channel->is_counted = true;
  if (!loop_->add(accepted.socket.fd(), net::kReadable | net::kWritable | net::kHungUp, *channel)) {
    release(*channel);
    return refuse(RefusedReason::NoChannel);
  }
  channel->socket = std::move(accepted.socket);
  begin(*channel);
}

// It is there.
void LaneStreams::begin(StreamChannel& channel) {
  const Instant now = loop_->now();
  channel.state = State::Open;
  channel.since = channel.heard_at = channel.taken_at = now;
  parts_.census.set_alive(channel.flow);
  counters_.begun[channel.direction()].add();
  Counter& connections = counters_.connections[channel.direction()];
  connections.set(connections.value() + 1);
  schedule(channel);
}

StreamChannel* LaneStreams::find(const Flow& flow) const {
  const uint32_t slot = flow.connection.slot();
  StreamChannel* const channel = slot < channels_.size() ? channels_[slot] : nullptr;
  // By which listener it came does not matter: that may have moved to another address meanwhile.
  const bool is_meant = channel != nullptr && channel->flow.connection == flow.connection &&
                        channel->flow.remote.same_ip(flow.remote);
  return is_meant ? channel : nullptr;
}

StreamChannel*& LaneStreams::bucket_of(const Flow& flow) {
  const uint64_t hash = hash_octets(flow.remote.ip_octets(), flow.remote.port());
  return opened_[(hash ^ flow.listener) & (opened_.size() - 1)];
}

// The one that we opened to flow.remote; null where there is none.
StreamChannel* LaneStreams::find_opened(const Flow& flow) {
  StreamChannel* at = bucket_of(flow);
  while (at != nullptr && !(at->flow.remote == flow.remote && at->flow.listener == flow.listener)) {
    at = at->next_alike;
  }
  return at;
}

// The same, on its way where there was none yet; null where there is no room. Where a response goes
// is said by who asked: so that is one of his connections, or one client could have us open them
// all.
StreamChannel* LaneStreams::reach(const Flow& flow, Purpose purpose) {
  if (StreamChannel* const opened = find_opened(flow); opened != nullptr) return opened;
  const bool is_clients = purpose == Purpose::Response;
  if (is_clients && parts_.census.admit(flow.remote) != Admission::Admitted) return nullptr;
  StreamChannel* const channel =
      create(flow, Direction::Opened, is_clients ? reserve_of_requests() : 0);
  if (channel != nullptr) {
    channel->is_counted = is_clients;
    connect(*channel);
  } else if (is_clients) {
    parts_.census.leave(flow.remote);
  }
  return channel;
}

// Begins to; where even that is impossible, it is Pausing.
void LaneStreams::connect(StreamChannel& channel) {
  const Instant now = loop_->now();
  if (acceptors_[channel.flow.listener] == nullptr) return put_off(channel);  // it has left
  const SockAddress& bound = acceptors_[channel.flow.listener]->socket().address();
  const SockAddress& local = bound.is_wildcard() ? channel.flow.local : bound;
  auto socket = net::TcpSocket::connect({.remote = channel.flow.remote, .local = local});
  if (socket && loop_->add(socket->fd(), net::kReadable | net::kWritable | net::kHungUp, channel)) {
    channel.socket = std::move(*socket);
    channel.state = State::Connecting;
    channel.has_heard = false;
    channel.since = now;
  } else {
    put_off(channel);
  }
  schedule(channel);
}

void LaneStreams::put_off(StreamChannel& channel) {
  const Instant now = loop_->now();
  if (channel.failures < UINT8_MAX) ++channel.failures;
  const uint64_t seed = ++draws_ << 8 | lane_;
  const std::string_view draw(reinterpret_cast<const char*>(&seed), sizeof seed);
  channel.state = State::Pausing;
  channel.since = now;
  channel.retry_at = pause_until(now, channel.failures, hash_octets(draw));
}

void LaneStreams::on_connected(StreamChannel& channel) {
  if (channel.socket.take_error() != 0 || channel.socket.leads_to_itself()) {
    end(channel, EndReason::Refused);
    return;
  }
  begin(channel);
  mark(channel);
}

// Nothing more is taken from it; what it has asked is still answered, if it does not take too long.
LaneStreams::Life LaneStreams::begin_ending(StreamChannel& channel, EndReason reason) {
  const bool is_done = channel.queue.is_empty() && channel.owed == 0;
  const bool is_ending = channel.state == State::Ending || channel.state == State::Closing;
  if (channel.is_outbound() || is_done) {
    end(channel, is_ending ? channel.end_reason : reason);
    return Life::Over;
  }
  if (is_ending) return Life::GoesOn;
  channel.intake.drop(intake_parts(channel));
  channel.state = State::Ending;
  channel.end_reason = reason;
  channel.since = loop_->now();
  schedule(channel);
  return Life::GoesOn;
}

// Everything that it asked has been answered. After a fault there may be more of it on its way, and
// to close then would be a reset, which could cost it the answer.
void LaneStreams::finish(StreamChannel& channel) {
  if (channel.end_reason == EndReason::Peer) {
    end(channel, EndReason::Peer);
    return;
  }
  channel.socket.end_writing();
  channel.state = State::Closing;
  channel.since = loop_->now();
  schedule(channel);
}

// What it was is told last, when it is no more. An endpoint that has just answered is opened again
// for what still waits; one that has not is left alone for a while. What had begun to leave is not
// repeated: it could not be withdrawn any more.
void LaneStreams::end(StreamChannel& channel, EndReason reason) {
  const Flow flow = channel.flow_as_sent();
  const Flow ended = channel.flow;
  const bool was_there = channel.state != State::Connecting;
  const bool has_worked = was_there && channel.has_heard;
  const uint64_t lanes = was_there ? channel.lanes : 0;  // else nothing was written
  shut(channel, reason);
  StreamQueue waiting = channel.is_outbound() && has_worked ? queues_.take_begun(channel.queue)
                                                            : std::exchange(channel.queue, {});
  if (!channel.queue.is_empty()) {
    connect(channel);  // `lanes` stay: their requests may be among what waits
  } else if (channel.is_outbound() && !has_worked) {
    channel.lanes = 0;
    put_off(channel);
    schedule(channel);
  } else {
    release(channel);
  }
  tell_unsent(waiting, flow);
  if (lanes != 0) receiver_->on_disconnected(ended, lanes);
}

// Takes the socket from it.
void LaneStreams::shut(StreamChannel& channel, EndReason reason) {
  if (!channel.socket.is_open()) return;
  loop_->remove(channel);
  channel.socket.close();
  channel.intake.drop(intake_parts(channel));
  channel.is_blocked = false;
  counters_.ended[reason].add();
  if (channel.state == State::Connecting) return;
  parts_.census.set_ended(channel.flow.connection);
  Counter& connections = counters_.connections[channel.direction()];
  connections.set(connections.value() - 1);
}

// Returns the number of messages.
size_t LaneStreams::tell_unsent(StreamQueue& waiting, const Flow& flow) {
  size_t told = 0;
  while (!waiting.is_empty()) {
    queues_.pop(waiting, [&](std::string_view message) {
      ++told;
      receiver_->on_unsent(message, flow);
    });
  }
  counters_.unsent.add(told);
  counters_.queue_depth.set(queues_.depth());
  return told;
}

}  // namespace siplb::transport
