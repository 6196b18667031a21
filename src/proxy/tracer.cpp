#include "proxy/tracer.h"

#include <algorithm>
#include <array>

#include "proxy/sender.h"

namespace siplb::proxy {
namespace {

// Of what is sent so much is put together: headers behind that are not seen.
constexpr size_t kHeadOctetsMax = 16384;

std::string_view head_of(std::span<const std::string_view> pieces, std::span<char> out) {
  size_t length = 0;
  for (const std::string_view piece : pieces) {
    length += piece.copy(out.data() + length, out.size() - length);
  }
  return {out.data(), length};
}

}  // namespace

void Tracer::follow(TraceFilter filter) {
  filters_.publish(std::make_unique<const TraceFilter>(std::move(filter)));
}

std::optional<TraceRecord> Tracer::try_take(uint32_t number) {
  std::optional<TraceRecord> record;
  do {
    record = ring_.try_take();
  } while (record && record->trace != number);
  return record;
}

Witness* Tracer::look() {
  filter_ = &filters_.look(0);
  return filter_->number != 0 ? this : nullptr;
}

balance::ServerIndex Tracer::followed_at(balance::ServerIndex server) const {
  if (server == balance::kNoServer) return balance::kNoServer;
  const auto servers = outlook_.topology().servers();
  const auto found = std::find_if(
      filter_->servers.begin(), filter_->servers.end(),
      [&](auto followed) { return servers[followed].address == servers[server].address; });
  return found == filter_->servers.end() ? balance::kNoServer : *found;
}

TraceRecord* Tracer::record(const transport::Flow& flow, std::string_view octets) {
  balance::ServerIndex server = find_sender(*outlook_.snapshot, flow).server;
  if (!filter_->servers.empty()) {
    server = followed_at(server);
    if (server == balance::kNoServer) return nullptr;
  }
  const TraceMessage message = read_trace_message(octets);
  if (!filter_->call_id.empty() && message.call_id != filter_->call_id) return nullptr;
  if (!filter_->user.empty() && !message.has_user(filter_->user)) return nullptr;

  TraceRecord* const record = ring_.begin();
  if (record == nullptr) return nullptr;
  record->trace = filter_->number;
  record->at = tick_.now;
  record->server = server;
  record->flow = flow;
  record->title = message.title();
  record->call_id = cut_to<TraceCallId::capacity()>(message.call_id);
  record->cseq = cut_to<TraceCSeq::capacity()>(message.cseq);
  return record;
}

void Tracer::on_received(uint8_t lane, const transport::Inbound& inbound) {
  undecided_ = record(inbound.flow, {inbound.octets.data(), inbound.octets.size()});
  if (undecided_ == nullptr) return;
  undecided_->way = TraceRecord::Way::In;
  undecided_->lane = lane;
}

void Tracer::on_verdict(const Verdict& verdict) {
  if (undecided_ == nullptr) return;
  undecided_->outcome = Outcome::of(verdict);
  undecided_ = nullptr;
}

void Tracer::on_sent(uint8_t lane, const transport::Flow& flow,
                     std::span<const std::string_view> pieces, transport::SendStatus status) {
  std::array<char, kHeadOctetsMax> head;  // only what is written is touched
  TraceRecord* const sent = record(flow, head_of(pieces, head));
  if (sent == nullptr) return;
  sent->way = TraceRecord::Way::Out;
  sent->lane = lane;
  sent->sent = status;
}

}  // namespace siplb::proxy
