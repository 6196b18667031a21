#include "load/answerer.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/hash.h"
#include "load/server_name.h"
#include "load/session_body.h"

namespace siplb::load {

namespace {

constexpr std::string_view kTrying = "SIP/2.0 100 Trying\r\n";
constexpr std::string_view kRinging = "SIP/2.0 180 Ringing\r\n";

std::string_view status_line(Outcome outcome) {
  switch (outcome) {
    case Outcome::Ok: return "SIP/2.0 200 OK\r\n";
    case Outcome::NoDialog: return "SIP/2.0 481 Call/Transaction Does Not Exist\r\n";
    case Outcome::Merged: return "SIP/2.0 482 Loop Detected\r\n";
    case Outcome::Cancelled: return "SIP/2.0 487 Request Terminated\r\n";
    case Outcome::Unavailable: return "SIP/2.0 503 Service Unavailable\r\n";
  }
  SIPLB_ASSERT(false);
  return {};
}

// RFC 3261, 13.3.1.4 and 17.2.1.
constexpr int kUnacknowledgedInT1 = 64;
constexpr Duration kTryingAfter = std::chrono::milliseconds(200);

}  // namespace

struct Answerer::Server {
  Server(const ServerOptions& options, sip::Transport transport, Instant now)
      : gate(options.faults.capacity, now) {
    const std::string contact =
        "Contact: <sip:" + options.name + "@" + std::string(options.address.text().view()) +
        (transport == sip::Transport::Udp ? "" : ";transport=tcp") + ">\r\n";
    const std::string server =
        "Server: " + std::string(server_header(options.name).view()) + "\r\n";
    plain_end = server + "Content-Length: 0\r\n\r\n";
    dialog_end = contact + plain_end;
    session_end = contact + server + std::string(kSessionBody);
  }

  // When the call is through for which the server is busy from now on, after those before it.
  Instant take_turn(Duration service, Instant now) {
    busy_until = std::max(busy_until, now) + service;
    return busy_until;
  }

  RateGate gate;
  ServerStats stats;
  Instant busy_until = Instant::min();
  // How answers end: any, those that make a dialog, and those that make a session.
  std::string plain_end;
  std::string dialog_end;
  std::string session_end;
};

struct Answerer::Request {
  Server& server;
  const ServerOptions& options;
  const sip::Message& message;
  SockAddress source;
  transport::Flow flow;  // where answers go
  Instant now;

  [[nodiscard]] uint64_t transaction() const { return Deliveries::transaction_of(message); }
  // An INVITE and the BYE of its dialog share a key, so do its CANCEL and its ACK; all others are
  // known by their transaction.
  [[nodiscard]] uint64_t call_key() const {
    return hash_octets(message.call_id, uint64_t{flow.listener} << 8);
  }
  [[nodiscard]] uint64_t key() const {
    if (message.method == sip::Method::Invite) return call_key();
    return transaction() ^ (uint64_t{flow.listener} << 8 | static_cast<uint8_t>(message.method));
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
    : options_(options),
      wire_(wire),
      dice_(options.seed),
      held_(std::move(held)),
      deliveries_(options.remembered_max),
      timers_(now) {
  SIPLB_ASSERT(!options.servers.empty() && options.servers.size() <= kServersMax);
  for (const ServerOptions& server : options_.servers) {
    servers_.push_back(std::make_unique<Server>(server, options_.transport, now));
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
    // RFC 3261, 18.2.2; RFC 3581: to where it came from, but to the port its Via says; of a stream
    // this counts only when the connection is gone.
    transport::Flow flow = inbound.flow;
    const sip::Via& via = message_.via;
    if (flow.is_stream() || !via.has_rport) {
      flow.remote = flow.remote.with_port(via.effective_port());
    }
    on_request(
        {*servers_[index], options_.servers[index], message_, inbound.flow.remote, flow, now});
  }
}

void Answerer::on_request(const Request& request) {
  ServerStats& stats = request.server.stats;
  const Faults& faults = request.options.faults;
  if (faults.silent || dice_.hits(faults.drop)) {
    ++stats.dropped;
    return;
  }
  const sip::Method method = request.message.method;
  ++stats.methods[static_cast<size_t>(method)];
  if (method == sip::Method::Ack) {
    on_ack(request);
    return;
  }
  const ServerTag tag = write_tag(request.options.name, request.message.call_id);
  if (!text_.write(request.message, request.source, tag)) {
    ++stats.strays;
    return;
  }
  const Delivery delivery = deliveries_.on_request(request.message, request.flow.listener);
  if (delivery == Delivery::Retransmission) ++stats.repeated;
  if (method == sip::Method::Invite) {
    on_invite(request, delivery);
    return;
  }
  ++stats.requests;
  if (method == sip::Method::Cancel) {
    on_cancel(request);
  } else {
    on_other(request);
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

void Answerer::on_invite(const Request& request, Delivery delivery) {
  HeldAnswer* held = held_.find(request.call_key());
  if (delivery == Delivery::Retransmission) {
    if (held != nullptr && held->transaction == request.transaction()) send_held(*held);
    return;
  }
  if (held != nullptr && held->cseq == request.message.cseq) {
    ++request.server.stats.merged;
    reply(request, Outcome::Merged);
    return;
  }
  if (held != nullptr) release(*held);  // A new INVITE in a dialog whose ACK was lost.
  const Outcome outcome = judge_invite(request);
  if (answer(request, outcome) && outcome == Outcome::Ok) ++request.server.stats.calls;
}

Outcome Answerer::judge_invite(const Request& request) {
  if (!belongs_here(request)) return Outcome::NoDialog;
  if (dice_.hits(request.options.faults.reject) || !request.server.gate.passes(request.now)) {
    ++request.server.stats.rejected;
    return Outcome::Unavailable;
  }
  return Outcome::Ok;
}

void Answerer::on_ack(const Request& request) {
  ++request.server.stats.acks;
  HeldAnswer* held = held_.find(request.call_key());
  // The ACK to a 2xx is a transaction of its own, that to any other answer is not (17.1.1.3).
  const bool is_of_transaction = held != nullptr && held->transaction == request.transaction();
  if (!is_of_transaction && !belongs_here(request)) return;
  if (held == nullptr || held->state != HeldState::Final) return;
  if (is_of_transaction || (held->outcome == Outcome::Ok && held->cseq == request.message.cseq)) {
    release(*held);
  }
}

void Answerer::on_cancel(const Request& request) {
  HeldAnswer* held = held_.find(request.call_key());
  if (held == nullptr || held->transaction != request.transaction()) {
    answer(request, Outcome::NoDialog);
    return;
  }
  answer(request, Outcome::Ok);
  if (held->state == HeldState::Final || held->outcome != Outcome::Ok) return;
  held->outcome = Outcome::Cancelled;
  held->answer_at = request.now + request.options.faults.delay;
  ++request.server.stats.cancelled;
  if (held->answer_at == request.now) {
    finish(*held, request.now);
  } else {
    timers_.schedule(*held, held->answer_at);
  }
}

void Answerer::on_other(const Request& request) {
  if (!belongs_here(request)) {
    answer(request, Outcome::NoDialog);
    return;
  }
  if (request.message.method == sip::Method::Bye) {
    // Whoever ends the call has had the answer to its INVITE.
    HeldAnswer* held = held_.find(request.call_key());
    if (held != nullptr) release(*held);
  }
  answer(request, Outcome::Ok);
}

// Answers that wait ----------------------------------------------------------------------------

bool Answerer::answer(const Request& request, Outcome outcome) {
  const bool is_invite = request.message.method == sip::Method::Invite;
  if (!is_invite && request.options.faults.delay == Duration::zero()) {
    reply(request, outcome);
    return true;
  }
  if (!is_invite && held_.find(request.key()) != nullptr) return true;  // It is on its way.
  HeldAnswer* held = held_.add(request.key(), text_);
  if (held == nullptr) {
    ++request.server.stats.rejected;
    reply(request, Outcome::Unavailable);
    return false;
  }
  held->outcome = outcome;
  held->is_invite = is_invite;
  hold(*held, request);
  return true;
}

void Answerer::hold(HeldAnswer& held, const Request& request) {
  const Faults& faults = request.options.faults;
  held.cseq = request.message.cseq;
  held.call = Deliveries::call_of(request.message);
  held.transaction = request.transaction();
  held.flow = request.flow;
  held.answer_at = request.now + faults.delay;
  const bool is_call = held.is_invite && held.outcome == Outcome::Ok;
  if (is_call)
    held.answer_at += request.server.take_turn(faults.service, request.now) - request.now;
  if (held.answer_at == request.now) {
    ring(held, request.now);
  } else if (held.is_invite && !faults.no_trying) {
    timers_.schedule(held, std::min(held.answer_at, request.now + kTryingAfter));
  } else {
    timers_.schedule(held, held.answer_at);
  }
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
  if (held.state != HeldState::Final && now < held.answer_at) {
    held.state = HeldState::Trying;
    send_held(held);
    timers_.schedule(held, held.answer_at);
  } else if (held.state == HeldState::Ringing) {
    finish(held, now);
  } else if (held.state != HeldState::Final) {
    ring(held, now);
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
  if (!held.is_invite || held.outcome != Outcome::Ok) {
    finish(held, now);
    return;
  }
  deliveries_.on_ringing(held.call, held.flow.listener);
  const std::optional<Duration>& own = options_.servers[held.flow.listener].faults.ring;
  const std::optional<Duration> time = own ? own : options_.ring;
  if (!time) {
    finish(held, now);
    return;
  }
  held.state = HeldState::Ringing;
  send_held(held);
  if (*time == Duration::zero()) {
    finish(held, now);
  } else {
    timers_.schedule(held, now + *time);
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
  held.give_up = now + kUnacknowledgedInT1 * options_.t1;
  // Over a stream only a 2xx is sent again, since its ACK comes end to end.
  const bool is_repeated = !held.flow.is_stream() || held.outcome == Outcome::Ok;
  timers_.schedule(held, is_repeated ? now + held.interval : held.give_up);
}

void Answerer::send_held(const HeldAnswer& held) {
  const Server& server = *servers_[held.flow.listener];
  const std::string_view plain_end = server.plain_end;
  switch (held.state) {
    case HeldState::Delayed: break;
    case HeldState::Trying:
      send(held.flow, std::array{kTrying, held_.basic(held), plain_end});
      break;
    case HeldState::Ringing:
      send(held.flow, std::array{kRinging, held_.full(held), std::string_view(server.dialog_end)});
      break;
    case HeldState::Final: {
      const bool is_ok = held.outcome == Outcome::Ok;
      const std::string_view lines = is_ok ? held_.full(held) : held_.basic(held);
      const std::string_view session_end = server.session_end;
      send(held.flow, std::array{status_line(held.outcome), lines,
                                 is_ok && held.is_invite ? session_end : plain_end});
    }
  }
}

void Answerer::reply(const Request& request, Outcome outcome) {
  const std::string_view lines = outcome == Outcome::Ok ? text_.full() : text_.basic();
  send(request.flow,
       std::array{status_line(outcome), lines, std::string_view(request.server.plain_end)});
}

void Answerer::send(const transport::Flow& flow, std::span<const std::string_view> pieces) {
  const int copies = options_.servers[flow.listener].faults.duplicate ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (wire_.send(flow, pieces) != transport::SendStatus::Queued) {
      ++servers_[flow.listener]->stats.refused_sends;
    }
  }
}

}  // namespace siplb::load
