#include "scenario/stream_wire.h"

#include <algorithm>
#include <iterator>

#include "proxy/client_return.h"

namespace siplb::test {
namespace {

using transport::ConnectionId;
using transport::Flow;
using transport::SendStatus;

constexpr uint8_t kLane = 0;

bool is_response(std::string_view text) {
  return text.starts_with("SIP/2.0 ");
}

std::string name_of(const SockAddress& remote) {
  return std::string(remote.text());
}

}  // namespace

SendStatus StreamWire::send(const Flow& flow, std::span<const std::string_view> pieces) {
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  const SendStatus status = look(flow);
  ++counts_.attempts;
  // A datagram that is not sent is one that got lost.
  if (status == SendStatus::Queued || !flow.is_stream()) ++counts_.taken;
  if (status == SendStatus::Queued) give(flow, std::move(text));
  if (status == SendStatus::Gone && is_response(text)) reroute({.to = flow, .text = text});
  return status;
}

SendStatus StreamWire::look(const Flow& flow) const {
  if (sent_.size() + waiting_.size() >= room_) return SendStatus::QueueFull;
  if (!flow.is_stream()) return SendStatus::Queued;
  if (!flow.connection.is_none()) {
    return find(flow) != nullptr ? SendStatus::Queued : SendStatus::Gone;
  }
  const bool is_refused =
      mood_of(flow.remote) == Mood::Refuses && find(flow, Direction::Opened) == nullptr;
  return is_refused ? SendStatus::Unreachable : SendStatus::Queued;
}

void StreamWire::give(const Flow& given, std::string text) {
  const Flow* const stream = find(given);
  const Flow& flow = stream != nullptr ? *stream : given;
  const bool waits = flow.is_stream() && mood_of(flow.remote) == Mood::Stalls;
  if (flow.is_stream() && flow.connection.is_none() && !waits) {
    static_cast<void>(connect(flow, Direction::Opened));
  }
  (waits ? waiting_ : sent_).push_back({.to = flow, .text = std::move(text)});
}

bool StreamWire::is_alive(const Flow& flow) const {
  return flow.connection.is_none() ||
         std::any_of(streams_.begin(), streams_.end(),
                     [&](const Flow& stream) { return stream.connection == flow.connection; });
}

bool StreamWire::withdraw(const Flow& flow, std::string_view branch) {
  const size_t before = waiting_.size();
  std::erase_if(waiting_, [&](const SentMessage& message) {
    return message.to.connection == flow.connection && !is_response(message.text) &&
           message.text.find(branch) != std::string::npos;
  });
  counts_.withdrawn += before - waiting_.size();
  return waiting_.size() < before;
}

// Of the remote end a lane may know no more than the host.
const Flow* StreamWire::find(const Flow& flow) const {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const Flow& stream) {
    return stream.connection == flow.connection && stream.listener == flow.listener &&
           stream.remote.same_ip(flow.remote);
  });
  return found == streams_.end() ? nullptr : &*found;
}

const Flow* StreamWire::find(const Flow& flow, Direction direction) const {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const Flow& stream) {
    return stream.remote == flow.remote && stream.listener == flow.listener &&
           stream.connection.is_outbound() == (direction == Direction::Opened);
  });
  return found == streams_.end() ? nullptr : &*found;
}

Flow StreamWire::connect(const Flow& flow, Direction direction) {
  if (const Flow* const found = find(flow, direction)) return *found;
  uint32_t slot = 0;
  const auto is_taken = [&](const Flow& stream) { return stream.connection.slot() == slot; };
  while (std::any_of(streams_.begin(), streams_.end(), is_taken)) ++slot;
  if (slot == generations_.size()) generations_.push_back(0);
  streams_.push_back(flow);
  streams_.back().connection = ConnectionId({.lane = kLane,
                                             .is_outbound = direction == Direction::Opened,
                                             .slot = slot,
                                             .generation = ++generations_[slot]});
  return streams_.back();
}

std::vector<Flow> StreamWire::end(const SockAddress& remote) {
  std::vector<Flow> ended;
  std::copy_if(streams_.begin(), streams_.end(), std::back_inserter(ended),
               [&](const Flow& stream) { return stream.remote == remote; });
  std::erase_if(streams_, [&](const Flow& stream) { return stream.remote == remote; });
  counts_.taken -= move_waiting(unsent_, remote);
  return ended;
}

StreamWire::Mood StreamWire::mood_of(const SockAddress& remote) const {
  const auto found = moods_.find(name_of(remote));
  return found == moods_.end() ? Mood::Takes : found->second;
}

void StreamWire::set_mood(const SockAddress& remote, Mood mood) {
  moods_[name_of(remote)] = mood;
  if (mood == Mood::Takes) static_cast<void>(move_waiting(sent_, remote));
  if (mood == Mood::Refuses) counts_.taken -= move_waiting(unsent_, remote);
}

size_t StreamWire::move_waiting(std::vector<SentMessage>& out, const SockAddress& remote) {
  const auto fits = [&](const SentMessage& message) { return message.to.remote == remote; };
  std::copy_if(waiting_.begin(), waiting_.end(), std::back_inserter(out), fits);
  return std::erase_if(waiting_, fits);
}

void StreamWire::reroute(const SentMessage& response) {
  const auto to = proxy::flow_to_listener_of(response.text, response.to);
  const bool is_sent = to && look(*to) == SendStatus::Queued;
  ++(is_sent ? counts_.rerouted : counts_.lost);
  if (is_sent) give(*to, response.text);
}

}  // namespace siplb::test
