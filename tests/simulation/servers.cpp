#include "simulation/servers.h"

#include "scenario/message_text.h"

namespace siplb::test {
namespace {

using namespace std::chrono_literals;
using transaction::InviteServer;
using transaction::NonInviteClient;

constexpr transaction::TimerOptions kTimers;
// Longer than anybody repeats anything.
constexpr Duration kRemembered = 40s;
constexpr uint32_t kFirstAddress = 0x0a000101;  // 10.0.1.1
// The first server turns away one in so many, with 503.
constexpr double kBusyShare = 0.02;
constexpr size_t kBusyServer = 0;
// Of the branch of a callee's BYE, behind that of the INVITE.
constexpr std::string_view kByeSuffix = "-bye";
// Of the To tag of a second callee, behind that of the first.
constexpr std::string_view kForkSuffix = "-fork";

std::string answer_text(const std::string& request, uint16_t code, const sip::Message& message,
                        const SockAddress& self) {
  SipBuilder builder = SipBuilder::answer_to(request, code);
  if (message.to_tag.empty()) {
    builder.to(std::string(message.to.text) + ";tag=" + std::string(message.via.branch));
  }
  builder.contact("<sip:bob@" + std::string(self.text()) + ">");
  return builder.str();
}

}  // namespace

SockAddress Servers::address_of(size_t server) {
  return SockAddress::v4(kFirstAddress + static_cast<uint32_t>(server), 5060);
}

bool Servers::is_server(const SockAddress& address) {
  for (size_t i = 0; i < kServerCount; ++i) {
    if (address == address_of(i)) return true;
  }
  return false;
}

// Each half minute, one after the other.
Servers::Mood Servers::mood_of(size_t server) const {
  const Duration at = events_.now().time_since_epoch() % 30s;
  if (server == 1 && at >= 4s && at < 8s) return Mood::Slow;
  if (server == 2 && at >= 12s && at < 15s) return Mood::Silent;
  if (server == 3 && at >= 20s && at < 23s) return Mood::Refusing;
  return Mood::Well;
}

Duration Servers::answer_delay(size_t server) {
  return mood_of(server) == Mood::Slow ? dice_.between(1200ms, 3s) : dice_.between(0ms, 20ms);
}

Servers::Invite* Servers::find(const std::string& branch) {
  const auto found = invites_.find(branch);
  return found == invites_.end() ? nullptr : &found->second;
}

void Servers::send(size_t server, const std::string& text) {
  const Mood mood = mood_of(server);
  const Datagram datagram{.from = address_of(server), .to = proxy_, .text = text};
  if (mood == Mood::Silent || mood == Mood::Refusing) return network_.lose(datagram, "unsent");
  network_.send(datagram);
}

Servers::Reception Servers::receive(const Datagram& datagram) {
  size_t server = 0;
  while (address_of(server) != datagram.to) ++server;
  const Mood mood = mood_of(server);
  if (mood == Mood::Silent || mood == Mood::Refusing) {
    network_.lose(datagram, mood == Mood::Silent ? "ignored" : "refused");
    return mood == Mood::Silent ? Reception::Lost : Reception::Refused;
  }
  if (sip::scan(datagram.text, {}, message_) != sip::ScanStatus::Ok) {
    ledger_.fault(0, "a server got what does not parse");
    return Reception::Taken;
  }
  if (!message_.is_request) {
    on_response();
    return Reception::Taken;
  }
  switch (message_.method) {
    case sip::Method::Invite: on_invite(datagram, server); break;
    case sip::Method::Ack: on_ack(server); break;
    case sip::Method::Cancel: on_cancel(datagram, server); break;
    default: on_other(datagram, server); break;
  }
  return Reception::Taken;
}

// ---- INVITE -------------------------------------------------------------------------------------

void Servers::on_invite(const Datagram& datagram, size_t server) {
  const std::string branch(message_.via.branch);
  const uint32_t number = number_of(message_.call_id).value_or(0);
  if (Invite* const known = find(branch)) {
    if (known->server != server) ledger_.fault(number, "two servers got the same branch");
    const bool is_answered = known->machine.on_request() != InviteServer::Repeat::Absorb;
    if (!is_answered || known->last.empty()) return;
    ++repeat_count_;
    return send(server, known->last);
  }
  const std::string attempt =
      std::to_string(number) + "/" + std::to_string(message_.cseq) + "/" + std::to_string(server);
  if (!asked_.insert(attempt).second) ledger_.fault(number, "a server was asked twice");

  Invite& invite = invites_[branch];
  invite.number = number;
  invite.server = server;
  invite.request = datagram.text;
  invite.machine = InviteServer(transaction::Hop::Datagram, events_.now());
  invite.machine.on_provisional();  // as many do: it repeats its answer whatever it said before

  const Plan plan = plan_of(seed_, number);
  const uint16_t refusal = judge(datagram, server);
  const Instant first_at = events_.now() + answer_delay(server);
  const auto respond_at = [&](Instant at, uint16_t code) {
    events_.at(at, [this, branch, code] {
      Invite* const live = find(branch);
      if (live == nullptr || live->machine.state() != InviteServer::State::Proceeding) return;
      code < 200 ? respond(*live, code) : finish(*live, code);
    });
  };
  if (plan.is_trying_sent) respond_at(first_at, 100);
  if (refusal != 200) return respond_at(first_at, refusal);
  if (plan.is_ringing_sent) respond_at(first_at + dice_.between(0ms, 300ms), 180);
  respond_at(first_at + plan.ringing, plan.final_code);
}

// 200, or why not.
uint16_t Servers::judge(const Datagram& datagram, size_t server) {
  if (server == kBusyServer && dice_.chance(kBusyShare)) return 503;
  const bool is_challenged = plan_of(seed_, number_of(message_.call_id).value_or(0)).is_challenged;
  if (is_challenged && datagram.text.find("\r\nProxy-Authorization:") == std::string::npos) {
    return 407;
  }
  return 200;
}

void Servers::respond(Invite& invite, uint16_t code) {
  static_cast<void>(sip::scan(invite.request, {}, message_));  // it did when it came
  invite.last = answer_text(invite.request, code, message_, address_of(invite.server));
  if (code < 200) invite.machine.on_provisional();
  send(invite.server, invite.last);
}

void Servers::finish(Invite& invite, uint16_t code) {
  respond(invite, code);
  const std::string branch(message_.via.branch);
  invite.final_code = code;
  invite.final_at = events_.now();
  invite.machine.on_final(code, events_.now());
  if (code >= 300) return wait(branch);
  ledger_.on_call_answered(invite.number);
  repeat_success(invite, branch);
  if (!plan_of(seed_, invite.number).is_forked) return;
  events_.after(dice_.between(0ms, 2s), [this, branch] {
    if (const Invite* const live = find(branch)) fork(*live, branch);
  });
}

// Its second callee answers as well: a dialog of its own, by another To tag (13.2.2.4).
void Servers::fork(const Invite& invite, const std::string& branch) {
  const std::string tag = branch + std::string(kForkSuffix);
  Invite other = invite;
  other.last.insert(other.last.find(";tag=" + branch) + 5 + branch.size(), kForkSuffix);
  other.final_at = events_.now();
  other.repeat_count = 0;
  other.is_acknowledged = false;
  other.is_ended = false;
  other.is_hung_up = false;
  other.is_done = false;
  ledger_.count("calls that two callees answered");
  send(other.server, other.last);
  repeat_success(invites_[tag] = std::move(other), tag);
}

void Servers::wait(const std::string& branch) {
  Invite* const invite = find(branch);
  const auto deadline = invite->machine.deadline(kTimers);
  if (!deadline) return;
  events_.at(*deadline, [this, branch] {
    if (Invite* const live = find(branch)) on_due(*live, branch);
  });
}

// G and H: a non-2xx waits for its ACK. If none comes it stays.
void Servers::on_due(Invite& invite, const std::string& branch) {
  switch (invite.machine.on_timer(kTimers, events_.now())) {
    case InviteServer::Due::SendFinal:
      ++repeat_count_;
      send(invite.server, invite.last);
      break;
    case InviteServer::Due::GaveUp: return;
    case InviteServer::Due::SendTrying:
    case InviteServer::Due::Nothing: break;
  }
  wait(branch);
}

// A 2xx is the user's to repeat (13.3.1.4). If no ACK comes it stays.
void Servers::repeat_success(Invite& invite, const std::string& branch) {
  const Instant next =
      invite.final_at + transaction::repeat_after(kTimers.t1, kTimers.t2, invite.repeat_count);
  if (next > invite.final_at + 64 * kTimers.t1) return;
  events_.at(next, [this, branch] {
    Invite* const live = find(branch);
    if (live == nullptr || live->is_acknowledged) return;
    ++live->repeat_count;
    ++repeat_count_;
    send(live->server, live->last);
    repeat_success(*live, branch);
  });
}

void Servers::forget_if_done(Invite& invite, const std::string& branch) {
  const bool is_confirmed = invite.machine.state() == InviteServer::State::Confirmed;
  if (invite.is_done || !(is_confirmed || (invite.is_acknowledged && invite.is_ended))) return;
  invite.is_done = true;
  events_.after(kRemembered, [this, branch] { invites_.erase(branch); });
}

void Servers::on_ack(size_t server) {
  const std::string branch(message_.via.branch);
  if (Invite* const rejected = find(branch)) {
    static_cast<void>(rejected->machine.on_ack());
    return forget_if_done(*rejected, branch);
  }
  const std::string to_tag(message_.to_tag);
  Invite* const answered = find(to_tag);
  if (answered == nullptr || answered->server != server) {
    return ledger_.fault(number_of(message_.call_id).value_or(0), "an ACK to nothing");
  }
  if (answered->is_acknowledged) return;
  const Plan plan = plan_of(seed_, answered->number);
  answered->is_acknowledged = true;
  if (plan.is_abandoned) answered->is_ended = true;
  forget_if_done(*answered, to_tag);
  if (plan.is_abandoned || !plan.is_ended_by_callee) return;
  events_.after(plan.talk, [this, to_tag] {
    Invite* const live = find(to_tag);
    if (live != nullptr && !live->is_ended) hang_up(*live, to_tag);
  });
}

void Servers::on_cancel(const Datagram& datagram, size_t server) {
  const std::string branch(message_.via.branch);
  Invite* const invite = find(branch);
  const bool is_known = invite != nullptr && invite->server == server;
  send(server, answer_text(datagram.text, is_known ? 200 : 481, message_, datagram.to));
  if (!is_known) {
    return ledger_.fault(number_of(message_.call_id).value_or(0), "a CANCEL of nothing");
  }
  if (invite->machine.state() == InviteServer::State::Proceeding) finish(*invite, 487);
}

// ---- The callee ends a call ---------------------------------------------------------------------

void Servers::hang_up(Invite& invite, const std::string& branch) {
  const Sender bob{.name = "bob", .address = address_of(invite.server)};
  const RequestPlan plan{
      .method = "BYE", .branch = branch + std::string(kByeSuffix), .from_tag = branch};
  invite.bye = in_dialog_request(bob, plan, invite.request).str();
  invite.ending = NonInviteClient(transaction::Hop::Datagram, events_.now());
  send(invite.server, invite.bye);
  wait_for_end(invite, branch);
}

void Servers::wait_for_end(const Invite& invite, const std::string& branch) {
  const auto deadline = invite.ending.deadline(kTimers);
  if (!deadline) return;
  events_.at(*deadline, [this, branch] {
    if (Invite* const live = find(branch)) on_end_due(*live, branch);
  });
}

void Servers::on_end_due(Invite& invite, const std::string& branch) {
  switch (invite.ending.on_timer(kTimers, events_.now())) {
    case NonInviteClient::Due::Repeat:
      ++repeat_count_;
      send(invite.server, invite.bye);
      break;
    case NonInviteClient::Due::TimedOut: return;
    case NonInviteClient::Due::Nothing: break;
  }
  wait_for_end(invite, branch);
}

void Servers::on_response() {
  std::string_view branch = message_.via.branch;
  if (branch.ends_with(kByeSuffix)) branch.remove_suffix(kByeSuffix.size());
  Invite* const invite = find(std::string(branch));
  if (invite == nullptr || message_.method != sip::Method::Bye) {
    return ledger_.fault(number_of(message_.call_id).value_or(0), "a response to nothing");
  }
  const bool is_first = invite->ending.is_pending();
  if (invite->ending.on_response(message_.status) != NonInviteClient::Answer::Pass || !is_first) {
    return;
  }
  // A call that the proxy is about to end is unknown to the phone.
  if (message_.status != 200) ledger_.count("BYEs that phones did not understand");
  invite->is_ended = true;
  forget_if_done(*invite, std::string(branch));
}

// ---- All other requests -------------------------------------------------------------------------

void Servers::on_other(const Datagram& datagram, size_t server) {
  const std::string branch(message_.via.branch);
  const uint32_t number = number_of(message_.call_id).value_or(0);
  const auto [known, is_new] = others_.try_emplace(branch);
  Other& other = known->second;
  if (!is_new) {
    if (other.server != server) ledger_.fault(number, "two servers got the same branch");
    if (other.last.empty()) return network_.lose(datagram, "absorbed");
    ++repeat_count_;
    return send(server, other.last);
  }
  other.server = server;
  const bool is_bye = message_.method == sip::Method::Bye;
  const uint16_t code = is_bye ? end_dialog(server) : judge(datagram, server);
  if (message_.method == sip::Method::Message && code == 200) {
    ledger_.on_message_taken(number, server);
  }
  const std::string text = answer_text(datagram.text, code, message_, datagram.to);
  events_.after(answer_delay(server), [this, branch, text] {
    Other& live = others_.at(branch);
    live.last = text;
    send(live.server, text);
  });
  events_.after(2 * kRemembered, [this, branch] { others_.erase(branch); });
}

uint16_t Servers::end_dialog(size_t server) {
  const std::string to_tag(message_.to_tag);
  Invite* const invite = find(to_tag);
  if (invite == nullptr || invite->server != server || invite->is_hung_up) return 481;
  invite->is_hung_up = true;
  invite->is_ended = true;
  forget_if_done(*invite, to_tag);
  return 200;
}

void Servers::check_done() {
  for (const auto& [branch, invite] : invites_) {
    if (invite.final_code == 0) {
      ledger_.fault(invite.number, "a server rings for ever");
    } else if (!invite.is_acknowledged) {
      ledger_.fail({invite.number, sip::Method::Invite, "a server got no ACK"});
    } else {
      ledger_.fail({invite.number, sip::Method::Bye, "a server has a call that nobody ended"});
    }
  }
}

}  // namespace siplb::test
