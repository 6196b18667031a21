// Messages for streams, whichever lane has the connection, and what becomes of those whose
// connection is gone.
#include "proxy/client_return.h"
#include "proxy/lane_port.h"
#include "proxy/mail_class.h"
#include "sip/message.h"
#include "sip/quote.h"

namespace siplb::proxy {
namespace {

// Of a request that can't be sent so much is told to the lane that it is from: its own Via.
constexpr size_t kQuoteOctets = net::Mailbox::kSmallOctetsMax;

}  // namespace

transport::SendStatus Worker::send_on_stream(LanePort& from, const transport::Flow& flow,
                                             std::span<const std::string_view> pieces) {
  using transport::SendStatus;
  const bool is_own = flow.connection.is_none();
  const uint8_t home = is_own ? from.index : flow.connection.lane();
  SendStatus status = SendStatus::Gone;
  if (from.streams == nullptr) {
    status = SendStatus::NoSocket;
  } else if (home < options_.lane_count && is_mine(home)) {
    status = port(home).streams->send(flow, pieces, from.index);
  } else if (parts_.census.is_alive(flow.connection)) {
    const std::string_view octets = gather(pieces);
    const LaneMail label{
        .flow = flow, .lane = home, .from_lane = from.index, .kind = LaneMail::Kind::Send};
    status = octets.empty()                                  ? SendStatus::TooLong
             : post_to(label, mail_class_of(octets), octets) ? SendStatus::Queued
                                                             : SendStatus::MailboxFull;
  }
  if (sip::is_response(pieces.front())) {
    // The response to a request that came by a stream names its connection, unless that is gone.
    if (is_own && status == SendStatus::Queued) counters_.responses_rerouted.add();
    if (status == SendStatus::Gone && send_elsewhere(from, gather(pieces), flow)) {
      status = SendStatus::Queued;
    }
  }
  from.stream_sends[status].add();
  return status;
}

// In one piece; empty where it is too long.
std::string_view Worker::gather(std::span<const std::string_view> pieces) {
  const std::span<char> out = gathered_->octets();
  return transport::length_of(pieces) <= out.size() ? transport::join(pieces, out)
                                                    : std::string_view();
}

bool Worker::withdraw(LanePort& from, const transport::Flow& flow, std::string_view branch) {
  const uint8_t home = flow.connection.is_none() ? from.index : flow.connection.lane();
  if (from.streams == nullptr || home >= options_.lane_count) return false;
  if (is_mine(home)) return port(home).streams->withdraw(flow, branch);
  // A mailbox without room leaves it where it is: its client is told to stop when it answers.
  static_cast<void>(post_to({.flow = flow, .lane = home, .kind = LaneMail::Kind::Withdraw},
                            net::MailClass::Urgent, branch));
  return false;
}

// To whom it matters: a request to the lane that it is from, a response to its client, if there is
// another way to it. What nobody waits for is gone.
void Worker::on_unsent(LanePort& at, std::string_view message, const transport::Flow& flow) {
  if (sip::is_response(message)) {
    static_cast<void>(send_elsewhere(at, message, flow));
    return;
  }
  const auto quote = sip::read_quote(message);
  if (!quote || quote->lane >= options_.lane_count) return;
  if (is_mine(quote->lane)) {
    port(quote->lane).lane.on_unsent(*quote, tick_);
    return;
  }
  // A mailbox without room loses it: then the server is found silent.
  static_cast<void>(post_to({.flow = flow, .lane = quote->lane, .kind = LaneMail::Kind::Unsent},
                            net::MailClass::Urgent, message.substr(0, kQuoteOctets)));
}

bool Worker::send_elsewhere(LanePort& from, std::string_view response,
                            const transport::Flow& gone) {
  const auto to = flow_to_listener_of(response, gone);
  const bool is_queued =
      to && from.streams->send(*to, {&response, 1}, from.index) == transport::SendStatus::Queued;
  (is_queued ? counters_.responses_rerouted : counters_.responses_lost).add();
  return is_queued;
}

void Worker::on_disconnected(const transport::Flow& connection, uint64_t lanes) {
  for (uint8_t lane = 0; lane < options_.lane_count; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    if (is_mine(lane)) {
      port(lane).lane.on_disconnected(connection, tick_);
      continue;
    }
    // A mailbox without room loses it: then the other end is found silent.
    static_cast<void>(
        post_to({.flow = connection, .lane = lane, .kind = LaneMail::Kind::Disconnected},
                net::MailClass::Urgent, {}));
  }
}

}  // namespace siplb::proxy
