// What comes and goes by the connections of a lane, and what time does to them.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "sip/message.h"
#include "sip/quote.h"
#include "transport/lane_streams.h"
#include "transport/stream_acceptor.h"
#include "transport/stream_channel.h"

namespace siplb::transport {
namespace {

using State = StreamChannel::State;

// One connection may hold one in so many of the slots that are free: few of them if a client has
// it, since there may be many such, and more if it leads to a server.
constexpr size_t kAcceptedSlotShare = 64;
constexpr size_t kOpenedSlotShare = 8;
// One in so many channels is kept for requests that need another connection, whatever clients do.
constexpr size_t kRequestShare = 16;
// Messages wait for the next try to reach a server if it is so near.
constexpr Duration kTryIsNear = std::chrono::milliseconds(250);
// What all connections together may bring in one tick, and what each of them may in any case.
constexpr size_t kTickOctets = size_t{1024} * 1024;
constexpr size_t kReadMin = size_t{4} * 1024;
// What a client may bring in one tick, some 30 requests: whether it takes its answers is known only
// when they are written, and until then they need room in its queue.
constexpr size_t kAcceptedReadMax = size_t{8} * 1024;
// How long an endpoint without work is remembered to have refused.
constexpr Duration kRefusalMemory = std::chrono::seconds(30);
// How long one that has ended its side waits for what it has asked: the longest that most requests
// may take (RFC 3261, 17.1.2.2).
constexpr Duration kLinger = std::chrono::seconds(32);
// How long one that broke the framing may take to close its side, too.
constexpr Duration kFarewell = std::chrono::milliseconds(500);

bool is_final(std::string_view response) {
  const size_t at = sip::kResponseStart.size();
  return response.size() > at && response[at] != '1';
}

bool wants_answer(std::string_view message) {
  return !sip::is_response(message) && !message.starts_with("ACK ");
}

}  // namespace

SendStatus LaneStreams::send(const Flow& flow, std::span<const std::string_view> pieces,
                             uint8_t from_lane) {
  const bool is_open_already = !flow.connection.is_none();
  if (!is_open_already && !has_listener(flow)) return SendStatus::NoSocket;
  const bool is_request = !sip::is_response(pieces.front());
  StreamChannel* const channel =
      is_open_already ? find(flow) : reach(flow, is_request ? Purpose::Request : Purpose::Response);
  if (channel == nullptr) return is_open_already ? SendStatus::Gone : SendStatus::NoConnection;

  const Instant now = loop_->now();
  const bool is_too_late = is_request && channel->state == State::Ending;
  if (is_too_late || channel->state == State::Closing) return SendStatus::Gone;
  if (channel->state == State::Pausing && now >= channel->retry_at) connect(*channel);
  const bool is_refused_now = channel->state == State::Pausing && channel->since == now;
  const bool is_far = channel->state == State::Pausing && now + kTryIsNear < channel->retry_at;
  if (is_refused_now || is_far) return SendStatus::Unreachable;
  if (channel->queue.is_empty()) channel->taken_at = now;
  const size_t share = channel->is_outbound() ? kOpenedSlotShare : kAcceptedSlotShare;
  SendStatus status = queues_.append(channel->queue, pieces, share, now);
  if (status != SendStatus::Queued && !channel->queue.is_empty() && !channel->is_blocked) {
    // One tick may bring more than the queue holds; what the kernel takes now makes room. If the
    // connection is broken, flush() meets that again, and ends it.
    static_cast<void>(write_queue(*channel));
    status = queues_.append(channel->queue, pieces, share, now);
  }
  counters_.queue_depth.set(queues_.depth());
  if (status != SendStatus::Queued) return status;
  if (is_request) {
    channel->lanes |= uint64_t{1} << from_lane;
  } else if (channel->owed > 0 && is_final(pieces.front())) {
    --channel->owed;
  }
  mark(*channel);
  return status;
}

bool LaneStreams::has_listener(const Flow& flow) const {
  return flow.listener < acceptors_.size() && acceptors_[flow.listener] != nullptr &&
         acceptors_[flow.listener]->socket().address().family() == flow.remote.family();
}

// What servers are sent must not wait until clients leave. Where a response goes is said by who
// asked, so it counts for a client's.
size_t LaneStreams::reserve_of_requests() const {
  return pool_.capacity() / kRequestShare;
}

bool LaneStreams::withdraw(const Flow& flow, std::string_view branch) {
  StreamChannel* const channel = flow.connection.is_none() ? find_opened(flow) : find(flow);
  if (channel == nullptr) return false;
  StreamQueue withdrawn =
      queues_.take_out(channel->queue, [branch](std::string_view message, Instant /*since*/) {
        const auto quote = sip::read_quote(message);
        return quote && quote->branch == branch;
      });
  const bool is_taken_back = !withdrawn.is_empty();
  counters_.withdrawn.add(withdrawn.count);
  queues_.clear(withdrawn);
  counters_.queue_depth.set(queues_.depth());
  return is_taken_back;
}

net::Events LaneStreams::on_ready(StreamChannel& channel, net::Events events, Instant /*now*/) {
  if (channel.state == State::Connecting) {
    if ((events & (net::kWritable | net::kFailed | net::kHungUp)) == 0) return 0;
    on_connected(channel);
    if (channel.state != State::Open) return 0;
  }
  // Also one that may be written again is not read before that is done.
  const bool must_pause = channel.must_pause() && (events & net::kFailed) == 0;
  if ((events & net::kWritable) != 0 && channel.is_blocked) {
    channel.is_blocked = false;
    mark(channel);
  }
  if ((events & (net::kReadable | net::kHungUp | net::kFailed)) == 0) return 0;
  if (must_pause) {
    pause(channel);
    return 0;
  }
  return read(channel, events);
}

// The more have something to say, the less of it is heard at a time: all others wait for them.
size_t LaneStreams::share_of_tick(const StreamChannel& channel) {
  const size_t share = kTickOctets / std::max(++readers_, readers_before_);
  const size_t most = channel.is_outbound() ? options_.read_budget
                                            : std::min(options_.read_budget, kAcceptedReadMax);
  return std::min(std::max(share, kReadMin), most);
}

// What it has sent stays in the kernel, which lets it send no more than fits there.
void LaneStreams::pause(StreamChannel& channel) {
  if (!std::exchange(channel.is_paused, true)) counters_.paused.add();
}

// Its edge is gone: another one is asked for.
void LaneStreams::resume(StreamChannel& channel) {
  channel.is_paused = false;
  channel.intake.restart(loop_->now());
  loop_->set_interest(channel, net::kReadable | net::kWritable | net::kHungUp);
}

net::Events LaneStreams::read(StreamChannel& channel, net::Events events) {
  const size_t budget = share_of_tick(channel);
  for (size_t taken = 0; taken < budget;) {
    const std::span<char> area = parts_.area.first(std::min(parts_.area.size(), budget - taken));
    const net::StreamResult result = channel.socket.read(area);
    switch (result.status) {
      case net::StreamStatus::Ok: break;
      case net::StreamStatus::Blocked: return 0;
      case net::StreamStatus::Ended: begin_ending(channel, EndReason::Peer); return 0;
      case net::StreamStatus::Failed: end(channel, EndReason::Failed); return 0;
    }
    taken += result.octets;
    counters_.received_octets.add(result.octets);
    const bool is_wanted = channel.state == State::Open;
    if (is_wanted && take(channel, area.first(result.octets)) == Life::Over) return 0;
    // A stream that gave less than it was asked for has no more, and its next octet is an edge; but
    // if its end is there already, no edge will come.
    if (result.octets < area.size() && (events & net::kHungUp) == 0) return 0;
  }
  return events & (net::kReadable | net::kHungUp);
}

LaneStreams::Life LaneStreams::take(StreamChannel& channel, std::span<char> octets) {
  const Instant now = loop_->now();
  channel.heard_at = now;
  channel.has_heard = true;
  channel.failures = 0;
  reading_ = &channel;
  has_ping_ = false;
  const auto outcome = channel.intake.take(octets, intake_parts(channel), *this, now);
  reading_ = nullptr;
  // One pong for all that came at once; and none to who does not take what he is sent.
  if (has_ping_ && !channel.is_blocked) {
    queues_.append_pong(channel.queue, now);
    mark(channel);
  }
  switch (outcome) {
    case StreamIntake::Outcome::Ok: break;
    case StreamIntake::Outcome::Broken:
      counters_.frame_faults[channel.intake.fault()].add();
      return begin_ending(channel, EndReason::Framing);
    case StreamIntake::Outcome::NoSlot: end(channel, EndReason::NoSlot); return Life::Over;
  }
  schedule(channel);
  return Life::GoesOn;
}

StreamIntake::Parts LaneStreams::intake_parts(const StreamChannel& channel) const {
  // Those that we open are few, and servers may send long messages.
  const SockAddress* const source = channel.is_outbound() ? nullptr : &channel.flow.remote;
  return {parts_.unfinished_slots, parts_.census, source};
}

void LaneStreams::on_message(std::span<char> octets, sip::FrameFault fault) {
  if (wants_answer({octets.data(), octets.size()})) ++reading_->owed;
  batch_.push_back({.octets = octets, .flow = reading_->flow, .frame_fault = fault});
  if (batch_.size() == kBatchMax) settle();
}

void LaneStreams::on_ping() {
  counters_.pings.add();
  has_ping_ = true;
}

void LaneStreams::settle() {
  if (batch_.empty()) return;
  receiver_->on_batch(batch_, loop_->now());
  batch_.clear();
}

void LaneStreams::mark(StreamChannel& channel) {
  if (std::exchange(channel.is_marked, true)) return;
  channel.next_marked = std::exchange(marked_, &channel);
}

void LaneStreams::flush() {
  while (marked_ != nullptr) {
    StreamChannel& channel = *std::exchange(marked_, marked_->next_marked);
    channel.is_marked = false;
    write(channel);
  }
  counters_.queue_depth.set(queues_.depth());
}

// Writes what the kernel takes; false where the connection is broken.
bool LaneStreams::write_queue(StreamChannel& channel) {
  const bool is_there = channel.state == State::Open || channel.state == State::Ending;
  while (is_there && !channel.queue.is_empty() && !channel.is_blocked) {
    std::array<std::string_view, net::TcpSocket::kPiecesMax> pieces;
    const size_t count = queues_.gather(channel.queue, pieces);
    const net::StreamResult result = channel.socket.write(std::span(pieces).first(count));
    if (result.status == net::StreamStatus::Blocked) {
      channel.is_blocked = true;
    } else if (result.status == net::StreamStatus::Ok) {
      channel.taken_at = loop_->now();
      counters_.sent_octets.add(result.octets);
      counters_.sent_messages.add(queues_.advance(channel.queue, result.octets));
    } else {
      return false;
    }
  }
  return true;
}

void LaneStreams::write(StreamChannel& channel) {
  if (!write_queue(channel)) {
    end(channel, EndReason::Failed);
    return;
  }
  if (channel.state == State::Ending && channel.queue.is_empty() && channel.owed == 0) {
    finish(channel);
    return;
  }
  if (channel.is_paused && !channel.is_blocked) resume(channel);
  schedule(channel);
}

void LaneStreams::run_timers(Instant now) {
  readers_before_ = std::exchange(readers_, 0);
  if (accept_again_ && now >= *accept_again_) {
    accept_again_.reset();
    for (const auto& acceptor : acceptors_) {
      if (acceptor != nullptr && acceptor->on_ready(net::kReadable, now) != 0) {
        accept_again_ = now + Acceptor::kPause;
      }
    }
  }
  wheel_.advance(now,
                 [this](net::TimerNode& node) { on_timer(static_cast<StreamChannel&>(node)); });
}

std::optional<Instant> LaneStreams::next_deadline() {
  const auto next = wheel_.next_deadline();
  if (!accept_again_) return next;
  return next ? std::min(*next, *accept_again_) : accept_again_;
}

void LaneStreams::on_timer(StreamChannel& channel) {
  const Instant now = loop_->now();
  if (channel.is_outbound()) drop_expired(channel);
  const Due due = next_due(channel);
  if (now < due.at) {
    schedule(channel);
  } else if (channel.state != State::Pausing) {
    end(channel, due.reason);
  } else if (channel.queue.is_empty()) {
    release(channel);
  } else {
    connect(channel);
    if (channel.state == State::Pausing) {
      StreamQueue waiting = std::exchange(channel.queue, {});
      tell_unsent(waiting, channel.flow_as_sent());
    }
  }
}

// What has waited too long for a server is not wanted any more.
void LaneStreams::drop_expired(StreamChannel& channel) {
  const Instant before = loop_->now() - options_.timers.queued;
  StreamQueue expired = queues_.take_out(
      channel.queue, [before](std::string_view, Instant since) { return since <= before; });
  counters_.expired.add(tell_unsent(expired, channel.flow_as_sent()));
}

LaneStreams::Due LaneStreams::next_due(const StreamChannel& channel) const {
  const StreamTimers& timers = options_.timers;
  Due due;
  switch (channel.state) {
    case State::Connecting: return {channel.since + timers.connect, EndReason::Connect};
    case State::Pausing:
      return {channel.queue.is_empty() ? channel.retry_at + kRefusalMemory : channel.retry_at,
              EndReason::Refused};
    case State::Ending: {
      const bool is_fault = channel.end_reason != EndReason::Peer;
      due = {channel.since + (is_fault ? timers.message : kLinger), channel.end_reason};
      break;
    }
    case State::Closing: return {channel.since + kFarewell, channel.end_reason};
    case State::Open:
      if (channel.is_paused) return {channel.taken_at + timers.stalled, EndReason::Stalled};
      due = {std::max(channel.heard_at, channel.taken_at) + timers.idle, EndReason::Idle};
      break;
  }
  const auto include = [&due](Instant at, EndReason reason) {
    if (at < due.at) due = {at, reason};
  };
  if (channel.intake.is_unfinished()) {
    include(channel.intake.since() + timers.message, EndReason::Message);
  }
  if (!channel.has_heard && !channel.is_outbound()) {
    include(channel.since + timers.first_octet, EndReason::FirstOctet);
  }
  if (channel.is_blocked) include(channel.taken_at + timers.stalled, EndReason::Stalled);
  return due;
}

void LaneStreams::schedule(StreamChannel& channel) {
  Instant next = next_due(channel).at;
  if (const auto since = queues_.waiting_since(channel.queue); since && channel.is_outbound()) {
    next = std::min(next, *since + options_.timers.queued);
  }
  // A timer that is put off stays where it is and finds nothing to do when it fires.
  if (!channel.scheduled() || next < channel.deadline()) wheel_.schedule(channel, next);
}

}  // namespace siplb::transport
