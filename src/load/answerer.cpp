#include "load/answerer.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/hash.h"
#include "load/server_name.h"
#include "load/session_body.h"

namespace siplb::load {

namespace {

constexpr std::string_view kRinging = "SIP/2.0 180 Ringing\r\n";
constexpr std::string_view kOk = "SIP/2.0 200 OK\r\n";
constexpr std::string_view kNoDialog = "SIP/2.0 481 Call/Transaction Does Not Exist\r\n";
constexpr std::string_view kTerminated = "SIP/2.0 487 Request Terminated\r\n";
constexpr std::string_view kUnavailable = "SIP/2.0 503 Service Unavailable\r\n";

// RFC 3261, 13.3.1.4 and 17.2.1.
constexpr int kTimeoutInT1 = 64;

}  // namespace

struct Answerer::Server {
  Server(const ServerOptions& options, Instant now) : gate(options.faults.capacity, now) {
    const std::string contact = "Contact: <sip:" + options.name + "@" +
                                std::string(options.address.text().view()) + ">\r\n";
    const std::string server =
        "Server: " + std::string(server_header(options.name).view()) + "\r\n";
    plain_end = server + "Content-Length: 0\r\n\r\n";
    dialog_end = contact + plain_end;
    session_end = contact + server + std::string(kSessionBody);
  }

  RateGate gate;
  ServerStats stats;
  // How answers end: any, those that make a dialog, and those that make a session.
  std::string plain_end;
  std::string dialog_end;
  std::string session_end;
};

struct Answerer::Request {
  Server& server;
  const ServerOptions& options;
  const sip::Message& message;
  transport::Flow flow;  // where answers go
  Instant now;

  // An INVITE, its CANCEL, its ACK and the BYE of its dialog share a key.
  [[nodiscard]] uint64_t call_key() const { return key(sip::Method::Invite); }
  [[nodiscard]] uint64_t key(sip::Method method) const {
    return hash_octets(message.call_id,
                       uint64_t{flow.listener} << 8 | static_cast<uint8_t>(method));
  }
};

Result<std::unique_ptr<Answerer>> Answerer::create(const AnswererOptions& options,
                                                   transport::Wire& wire, Instant now) {
  auto held = HeldAnswers::reserve(options.held_max);
  if (!held) return tl::unexpected<Error>(held.error());
  return std::unique_ptr<Answerer>(new Answerer(options, wire, now, std::move(*held)));
}

Answerer::Answerer(const AnswererOptions& options, transport::Wire& wire, Instant now,
                   HeldAnswers held)
    : options_(options), wire_(wire), dice_(options.seed), held_(std::move(held)), timers_(now) {
  SIPLB_ASSERT(!options.servers.empty() && options.servers.size() <= kServersMax);
  for (const ServerOptions& server : options_.servers) {
    servers_.push_back(std::make_unique<Server>(server, now));
  }
}

Answerer::~Answerer() = default;

const ServerStats& Answerer::stats(size_t index) const {
  return servers_[index]->stats;
}

void Answerer::on_batch(std::span<transport::Inbound> batch, Instant now) {
  for (const transport::Inbound& inbound : batch) {
    const size_t index = inbound.flow.listener;
    if (index >= servers_.size()) continue;
    const std::string_view octets(inbound.octets.data(), inbound.octets.size());
    const sip::ScanStatus status = sip::scan(octets, {}, message_);
    if (status == sip::ScanStatus::KeepAlive) continue;
    if (status != sip::ScanStatus::Ok || !message_.is_request) {
      ++servers_[index]->stats.strays;
      continue;
    }
    // RFC 3261, 18.2.2; RFC 3581: to where it came from, but to the port its Via says.
    transport::Flow flow = inbound.flow;
    const sip::Via& via = message_.via;
    if (!via.has_rport) flow.remote = flow.remote.with_port(via.effective_port());
    on_request({*servers_[index], options_.servers[index], message_, flow, now});
  }
}

void Answerer::on_request(const Request& request) {
  ServerStats& stats = request.server.stats;
  const Faults& faults = request.options.faults;
  if (faults.silent || dice_.hits(faults.drop)) {
    ++stats.dropped;
    return;
  }
  if (request.message.method == sip::Method::Ack) {
    on_ack(request);
    return;
  }
  const ServerTag tag = write_tag(request.options.name, request.message.call_id);
  if (!text_.write(request.message, request.flow.remote, tag)) {
    ++stats.strays;
    return;
  }
  if (request.message.method != sip::Method::Invite) ++stats.requests;
  if (!belongs_here(request)) {
    reply(request, kNoDialog);
    return;
  }
  switch (request.message.method) {
    case sip::Method::Invite: on_invite(request); break;
    case sip::Method::Cancel: on_cancel(request); break;
    default: on_other(request); break;
  }
}

bool Answerer::belongs_here(const Request& request) {
  const std::string_view tag = request.message.to_tag;
  if (tag.empty()) return true;
  const std::string_view name = name_in_tag(tag);
  if (name == request.options.name) return true;
  ++(name.empty() ? request.server.stats.unknown_dialogs : request.server.stats.misroutes);
  return false;
}

void Answerer::on_invite(const Request& request) {
  ServerStats& stats = request.server.stats;
  HeldAnswer* held = held_.find(request.call_key());
  if (held != nullptr && held->cseq == request.message.cseq) {
    ++stats.repeated;
    send_held(*held);
    return;
  }
  if (held != nullptr) release(*held);  // A new INVITE in a dialog whose ACK was lost.
  if (dice_.hits(request.options.faults.reject) || !request.server.gate.passes(request.now)) {
    ++stats.rejected;
    reply(request, kUnavailable);
    return;
  }
  if (hold(request)) ++stats.calls;
}

void Answerer::on_ack(const Request& request) {
  ++request.server.stats.acks;
  if (!belongs_here(request)) return;
  HeldAnswer* held = held_.find(request.call_key());
  if (held != nullptr && held->state == HeldState::Final) release(*held);
}

void Answerer::on_cancel(const Request& request) {
  HeldAnswer* held = held_.find(request.call_key());
  if (held == nullptr) {
    reply(request, kNoDialog);
    return;
  }
  reply(request, kOk);
  if (held->state == HeldState::Final) return;
  held->is_cancelled = true;
  finish(*held, request.now);
}

void Answerer::on_other(const Request& request) {
  if (request.message.method == sip::Method::Bye) {
    // Whoever ends the call has had the answer to its INVITE.
    HeldAnswer* held = held_.find(request.call_key());
    if (held != nullptr) release(*held);
  }
  if (request.options.faults.delay == Duration::zero()) {
    reply(request, kOk);
  } else if (held_.find(request.key(request.message.method)) != nullptr) {
    ++request.server.stats.repeated;
  } else {
    static_cast<void>(hold(request));
  }
}

// Answers that wait ----------------------------------------------------------------------------

bool Answerer::hold(const Request& request) {
  HeldAnswer* held = held_.add(request.key(request.message.method), text_);
  if (held == nullptr) {
    ++request.server.stats.rejected;
    reply(request, kUnavailable);
    return false;
  }
  held->cseq = request.message.cseq;
  held->is_invite = request.message.method == sip::Method::Invite;
  held->flow = request.flow;
  if (request.options.faults.delay > Duration::zero()) {
    timers_.schedule(*held, request.now + request.options.faults.delay);
  } else {
    ring(*held, request.now);
  }
  return true;
}

void Answerer::release(HeldAnswer& held) {
  timers_.cancel(held);
  held_.remove(held);
}

void Answerer::on_tick(Instant now) {
  timers_.advance(now, [&](net::TimerNode& node) { on_due(static_cast<HeldAnswer&>(node), now); });
}

void Answerer::on_due(HeldAnswer& held, Instant now) {
  ServerStats& stats = servers_[held.flow.listener]->stats;
  if (held.state == HeldState::Delayed) {
    ring(held, now);
  } else if (held.state == HeldState::Ringing) {
    finish(held, now);
  } else if (now >= held.give_up) {
    ++stats.unacknowledged;
    release(held);
  } else {
    ++stats.retransmissions;
    send_held(held);
    held.interval = std::min(held.interval * 2, options_.t2);
    timers_.schedule(held, std::min(now + held.interval, held.give_up));
  }
}

void Answerer::ring(HeldAnswer& held, Instant now) {
  if (!held.is_invite || !options_.ring) {
    finish(held, now);
    return;
  }
  held.state = HeldState::Ringing;
  send_held(held);
  if (*options_.ring == Duration::zero()) {
    finish(held, now);
  } else {
    timers_.schedule(held, now + *options_.ring);
  }
}

void Answerer::finish(HeldAnswer& held, Instant now) {
  held.state = HeldState::Final;
  send_held(held);
  if (!held.is_invite) {
    release(held);
    return;
  }
  held.interval = options_.t1;
  held.give_up = now + kTimeoutInT1 * options_.t1;
  timers_.schedule(held, now + held.interval);
}

void Answerer::send_held(const HeldAnswer& held) {
  const Server& server = *servers_[held.flow.listener];
  if (held.state == HeldState::Ringing) {
    send(held.flow, std::array{kRinging, held_.full(held), std::string_view(server.dialog_end)});
  } else if (held.state == HeldState::Final && held.is_cancelled) {
    send(held.flow, std::array{kTerminated, held_.basic(held), std::string_view(server.plain_end)});
  } else if (held.state == HeldState::Final) {
    const std::string_view end = held.is_invite ? server.session_end : server.plain_end;
    send(held.flow, std::array{kOk, held_.full(held), end});
  }
}

void Answerer::reply(const Request& request, std::string_view status) {
  const std::string_view lines = status == kOk ? text_.full() : text_.basic();
  send(request.flow, std::array{status, lines, std::string_view(request.server.plain_end)});
}

void Answerer::send(const transport::Flow& flow, std::span<const std::string_view> pieces) {
  if (wire_.send(flow, pieces) != transport::SendStatus::Queued) {
    ++servers_[flow.listener]->stats.refused_sends;
  }
}

}  // namespace siplb::load
