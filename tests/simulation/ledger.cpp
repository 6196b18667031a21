#include "simulation/ledger.h"

#include <cstdio>

#include "scenario/message_text.h"
#include "simulation/plan.h"
#include "sip/message.h"

namespace siplb::test {
namespace {

// How often a request is sent before it fails (17.1.1.2, 17.1.2.2).
constexpr uint32_t kInviteCopies = 7;
constexpr uint32_t kOtherCopies = 11;

// Finals of an INVITE are sent more often, but their ACKs count as well.
uint32_t copies_of(sip::Method method) {
  return method == sip::Method::Invite ? kInviteCopies : kOtherCopies;
}

std::string key_of(uint32_t number, std::string_view method) {
  return std::to_string(number) + " " + std::string(method);
}

}  // namespace

bool Ledger::forgive(uint32_t number) {
  const bool is_disturbed = number != 0 && number <= disturbed_;
  if (is_disturbed) ++disturbed_count_;
  return is_disturbed;
}

void Ledger::fault(uint32_t number, std::string_view text) {
  if (forgive(number)) return;
  if (++fault_count_ > kPrintedMax) return;
  std::printf("call %u: %.*s\n", number, static_cast<int>(text.size()), text.data());
}

void Ledger::fail(const Failure& failure) {
  if (forgive(failure.number)) return;
  const auto lost = lost_.find(key_of(failure.number, sip::method_name(failure.method)));
  if (lost == lost_.end() || lost->second < copies_of(failure.method)) {
    return fault(failure.number, failure.text);
  }
  ++unlucky_count_;
}

void Ledger::on_lost(std::string_view datagram) {
  const auto number = number_of(sip::peek_call_id(datagram));
  const std::string cseq = first_value(datagram, "CSeq");
  const std::string method = cseq.substr(cseq.find(' ') + 1);
  if (number) ++lost_[key_of(*number, method == "ACK" ? "INVITE" : method)];
}

void Ledger::on_message_taken(uint32_t number, size_t server) {
  const auto [known, is_new] = messages_.emplace(number, server);
  if (!is_new && known->second != server) fault(number, "a second server took the MESSAGE");
}

void Ledger::on_call_answered(uint32_t number) {
  if (++answers_[number] == 2) count("calls that two servers answered");
}

}  // namespace siplb::test
