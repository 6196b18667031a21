#include "simulation/phones.h"

#include <algorithm>

#include "scenario/message_text.h"

namespace siplb::test {
namespace {

using namespace std::chrono_literals;
using transaction::Hop;
using transaction::InviteClient;
using transaction::NonInviteClient;

constexpr transaction::TimerOptions kTimers;
// Longer than anybody repeats anything.
constexpr Duration kRemembered = 40s;
constexpr uint32_t kFirstAddress = 0x0a400000;  // 10.64.0.0

Sender sender_at(const SockAddress& address) {
  return {.name = "alice", .address = address};
}

RequestPlan plan_for(std::string_view method, uint32_t cseq) {
  return {.method = std::string(method), .from_tag = "a", .cseq = cseq};
}

}  // namespace

Phones::Call* Phones::find(uint32_t number) {
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : &found->second;
}

std::string Phones::new_branch(const Call& call) const {
  return "z9hG4bK" + std::to_string(call.number) + "-" + std::to_string(call.requests.size()) +
         "-" + std::to_string(call.dialogs.size());
}

void Phones::send(const Call& call, const std::string& text) {
  network_.send({.from = call.address, .to = proxy_, .text = text});
}

// ---- Requests -----------------------------------------------------------------------------------

void Phones::start(uint32_t number) {
  Call& call = calls_[number];
  call.number = number;
  call.plan = plan_of(seed_, number);
  call.address = SockAddress::v4(kFirstAddress + number, 5060);
  send_first(call);
}

void Phones::send_first(Call& call) {
  RequestPlan plan = plan_for(sip::method_name(call.plan.method), call.cseq);
  plan.call = std::to_string(call.number);
  plan.branch = new_branch(call);
  SipBuilder builder = new_request(sender_at(call.address), plan);
  if (call.cseq > 1) builder.add("Proxy-Authorization", "Digest username=\"alice\"");
  begin(call, call.plan.method, builder.str());
}

void Phones::begin(Call& call, sip::Method method, const std::string& text) {
  Request& request = call.requests.emplace_back();
  request.method = method;
  request.branch = branch_of(text);
  request.text = text;
  if (method == sip::Method::Invite) {
    request.invite = InviteClient(Hop::Datagram, events_.now());
  } else {
    request.other = NonInviteClient(Hop::Datagram, events_.now());
  }
  send(call, text);
  wait(call, call.requests.size() - 1);
}

void Phones::wait(const Call& call, size_t index) {
  const Request& request = call.requests[index];
  const auto deadline = request.method == sip::Method::Invite ? request.invite.deadline(kTimers)
                                                              : request.other.deadline(kTimers);
  if (!deadline) return;
  events_.at(*deadline, [this, number = call.number, index] {
    if (Call* const known = find(number)) on_due(*known, index);
  });
}

void Phones::on_due(Call& call, size_t index) {
  Request& request = call.requests[index];
  bool is_repeat_due = false;
  bool is_timed_out = false;
  if (request.method == sip::Method::Invite) {
    const auto due = request.invite.on_timer(kTimers, events_.now());
    is_repeat_due = due == InviteClient::Due::Repeat;
    is_timed_out = due == InviteClient::Due::TimedOut;
  } else {
    const auto due = request.other.on_timer(kTimers, events_.now());
    is_repeat_due = due == NonInviteClient::Due::Repeat;
    is_timed_out = due == NonInviteClient::Due::TimedOut;
  }
  if (is_timed_out) return on_timed_out(call, request);
  if (is_repeat_due) {
    ++repeat_count_;
    send(call, request.text);
  }
  wait(call, index);
}

void Phones::on_timed_out(Call& call, const Request& request) {
  const std::string name(sip::method_name(request.method));
  ledger_.fail({call.number, request.method, name + " timed out"});
  if (request.method == sip::Method::Cancel) return;
  for (Dialog& dialog : call.dialogs) {
    if (dialog.bye == request.text) dialog.is_ended = true;
  }
  if (!call.is_ended && is_over(call)) end(call, "failed: " + name + " timed out");
}

void Phones::cancel(Call& call) {
  const Request& invite = call.requests.front();  // who cancels was not challenged
  if (invite.invite.state() != InviteClient::State::Proceeding) return;
  call.is_cancelled = true;
  const std::string text = invite.text;
  begin(call, sip::Method::Cancel,
        in_transaction_request(plan_for("CANCEL", call.cseq), text).str());
}

void Phones::send_bye(Call& call, size_t dialog) {
  begin(call, sip::Method::Bye, std::string(call.dialogs[dialog].bye));
}

// ---- Responses ----------------------------------------------------------------------------------

void Phones::receive(const Datagram& datagram) {
  const Answer answer{message_, datagram.text};
  if (sip::scan(datagram.text, {}, message_) != sip::ScanStatus::Ok) {
    return ledger_.fault(0, "a phone got what does not parse");
  }
  const uint32_t number = number_of(message_.call_id).value_or(0);
  Call* const call = find(number);
  const bool is_bye = message_.is_request && message_.method == sip::Method::Bye;
  if (call == nullptr && is_bye) {  // the answer to an earlier one got lost
    return network_.send({datagram.to, proxy_, SipBuilder::answer_to(datagram.text, 481).str()});
  }
  if (call == nullptr) return ledger_.fault(number, "a response came after the end");
  if (datagram.to != call->address) return ledger_.fault(number, "somebody else's response");
  if (is_bye) return on_bye(*call, datagram);
  const auto request =
      std::find_if(call->requests.begin(), call->requests.end(), [this](const Request& candidate) {
        return candidate.method == message_.method && candidate.branch == message_.via.branch;
      });
  if (message_.is_request || request == call->requests.end()) {
    return ledger_.fault(number, "a phone got what it did not ask for");
  }
  if (request->method == sip::Method::Invite) {
    on_invite_answer(*call, *request, answer);
  } else {
    on_other_answer(*call, *request, answer);
  }
}

void Phones::on_invite_answer(Call& call, Request& request, const Answer& answer) {
  const uint16_t status = answer.message.status;
  const auto what = request.invite.on_response(status);
  if (what == InviteClient::Answer::Absorb) {
    const bool is_failed = request.invite.state() == InviteClient::State::Completed;
    if (!is_failed || status / 100 != 2) return;
    if (!call.is_refused) return ledger_.fault(call.number, "a 2xx came after a failure");
    // There was room for a copy of the INVITE that came later.
    ledger_.count("answers to calls that were refused before");
    return on_success(call, answer);
  }
  if (what == InviteClient::Answer::Pass) {
    return status < 200 ? on_provisional(call) : on_success(call, answer);
  }
  RequestPlan plan = plan_for("ACK", answer.message.cseq);
  send(call, in_transaction_request(plan, answer.text).str());
  if (what == InviteClient::Answer::PassAndAck) on_failure(call, status);
}

void Phones::on_provisional(Call& call) {
  if (!call.plan.cancel_after || call.is_cancel_set) return;
  call.is_cancel_set = true;
  events_.after(*call.plan.cancel_after, [this, number = call.number] {
    if (Call* const known = find(number)) cancel(*known);
  });
}

void Phones::on_success(Call& call, const Answer& answer) {
  const std::string_view to_tag = answer.message.to_tag;
  const auto known = std::find_if(call.dialogs.begin(), call.dialogs.end(),
                                  [&](const Dialog& dialog) { return dialog.to_tag == to_tag; });
  if (known != call.dialogs.end()) return send(call, known->ack);

  const size_t index = call.dialogs.size();
  const auto in_dialog = [&](std::string_view method, uint32_t cseq) {
    RequestPlan plan = plan_for(method, cseq);
    plan.branch = new_branch(call) + plan.method;
    return in_dialog_request(sender_at(call.address), plan, answer.text).str();
  };
  call.dialogs.push_back({.to_tag = std::string(to_tag),
                          .ack = in_dialog("ACK", call.cseq),
                          .bye = in_dialog("BYE", call.cseq + 1)});
  send(call, call.dialogs[index].ack);
  if (index > 0) ledger_.count("dialogs that phones did not want");
  const bool is_wanted = index == 0 && !call.is_cancelled && !call.is_refused;
  if (is_wanted && call.plan.is_abandoned) return on_hung_up(call, to_tag);
  if (is_wanted && call.plan.is_ended_by_callee) return;
  const Duration talk = is_wanted ? call.plan.talk : Duration{};
  events_.after(talk, [this, number = call.number, index] {
    Call* const live = find(number);
    if (live != nullptr && !live->dialogs[index].is_ended) send_bye(*live, index);
  });
}

void Phones::on_failure(Call& call, uint16_t status) {
  if (status == 407 && call.plan.is_challenged && call.cseq == 1) {
    ++call.cseq;
    return send_first(call);
  }
  if (call.is_cancelled) return end(call, status == 487 ? "cancelled" : "cancelled, but refused");
  if (status >= 300 && status == call.plan.final_code) return end(call, "rejected as planned");
  if (status == 503) {
    call.is_refused = true;
    return end(call, kRefused);
  }
  const std::string failure = "INVITE was answered " + std::to_string(status);
  ledger_.fail({call.number, sip::Method::Invite, failure});
  end(call, "failed: " + failure);
}

void Phones::on_other_answer(Call& call, Request& request, const Answer& answer) {
  const bool is_first = request.other.is_pending();
  const uint16_t status = answer.message.status;
  if (request.other.on_response(status) == NonInviteClient::Answer::Absorb || !is_first) return;
  const std::string name(sip::method_name(request.method));
  if (status != 200) {
    ledger_.fault(call.number, name + " was answered " + std::to_string(status));
  }
  if (request.method == sip::Method::Cancel) return;
  if (request.method != sip::Method::Bye) {
    return end(call, status == 200 ? name + " answered" : name + " failed");
  }
  on_hung_up(call, answer.message.to_tag);
}

void Phones::on_bye(Call& call, const Datagram& datagram) {
  const std::string to_tag(message_.from_tag);
  const bool is_known = std::any_of(call.dialogs.begin(), call.dialogs.end(),
                                    [&](const Dialog& dialog) { return dialog.to_tag == to_tag; });
  send(call, SipBuilder::answer_to(datagram.text, is_known ? 200 : 481).str());
  if (is_known) on_hung_up(call, to_tag);
}

void Phones::on_hung_up(Call& call, std::string_view to_tag) {
  for (Dialog& dialog : call.dialogs) {
    if (dialog.to_tag == to_tag) dialog.is_ended = true;
  }
  if (call.is_ended || !is_over(call)) return;
  if (call.is_cancelled) return end(call, "answered in spite of CANCEL");
  end(call, call.plan.is_abandoned ? kAbandoned : "answered and ended");
}

void Phones::end(Call& call, std::string_view outcome) {
  if (call.is_ended) return ledger_.fault(call.number, "ended twice");
  call.is_ended = true;
  ledger_.end(outcome);
  forget_later(call.number);
}

bool Phones::is_over(const Call& call) {
  return std::all_of(call.dialogs.begin(), call.dialogs.end(),
                     [](const Dialog& dialog) { return dialog.is_ended; });
}

void Phones::forget_later(uint32_t number) {
  events_.after(kRemembered, [this, number] {
    if (!is_over(calls_.at(number))) return forget_later(number);
    calls_.erase(number);
  });
}

void Phones::check_done() {
  for (const auto& [number, call] : calls_) {
    const bool is_up = !call.dialogs.empty();
    ledger_.fail(
        {number, is_up ? sip::Method::Bye : sip::Method::Invite, "a phone waits for ever"});
    ledger_.end("failed: never ended");
  }
}

}  // namespace siplb::test
