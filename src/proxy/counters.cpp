#include "proxy/counters.h"

#include <algorithm>

namespace siplb::proxy {

size_t answer_code_slot(uint16_t code) {
  const auto* found = std::find(kAnswerCodes.begin(), kAnswerCodes.end(), code);
  return static_cast<size_t>(found - kAnswerCodes.begin());
}

std::string_view name(MessageKind kind) {
  switch (kind) {
    case MessageKind::Request: return "request";
    case MessageKind::Response: return "response";
    case MessageKind::Other:
    case MessageKind::kCount: break;
  }
  return "other";
}

std::string_view name(AbsorbReason reason) {
  switch (reason) {
    case AbsorbReason::KeepAlive: return "keep_alive";
    case AbsorbReason::Stun: return "stun";
    case AbsorbReason::LocalAck: return "local_ack";
    case AbsorbReason::Ack: return "ack";
    case AbsorbReason::Repeat: return "repeat";
    case AbsorbReason::Trying: return "trying";
    case AbsorbReason::Provisional: return "provisional";
    case AbsorbReason::OwnRequest: return "own_request";
    case AbsorbReason::GivenUp: return "given_up";
    case AbsorbReason::FailedOver: return "failed_over";
    case AbsorbReason::NotBest: return "not_best";
    case AbsorbReason::Probe: return "probe";
    case AbsorbReason::Released: return "released";
    case AbsorbReason::NameAwaited: return "name_awaited";
    case AbsorbReason::kCount: break;
  }
  return "other";
}

std::string_view name(DropReason reason) {
  switch (reason) {
    case DropReason::NotSip: return "not_sip";
    case DropReason::Malformed: return "malformed";
    case DropReason::Oversize: return "oversize";
    case DropReason::ResponseViaForeign: return "response_via_foreign";
    case DropReason::ResponseViaMissing: return "response_via_missing";
    case DropReason::ResponseSealRefused: return "response_seal_refused";
    case DropReason::ResponseStray: return "response_stray";
    case DropReason::ResponseUnreachable: return "response_unreachable";
    case DropReason::Scattered481: return "scattered_481";
    case DropReason::AnswerTooLong: return "answer_too_long";
    case DropReason::AckRefused: return "ack_refused";
    case DropReason::Route: return "route";
    case DropReason::MailboxFull: return "mailbox_full";
    case DropReason::NameUnknown: return "name_unknown";
    case DropReason::kCount: break;
  }
  return "other";
}

std::string_view name(OriginatedKind kind) {
  switch (kind) {
    case OriginatedKind::Trying: return "trying";
    case OriginatedKind::Final: return "final";
    case OriginatedKind::Cancel: return "cancel";
    case OriginatedKind::Ack: return "ack";
    case OriginatedKind::Bye: return "bye";
    case OriginatedKind::Retry: return "retry";
    case OriginatedKind::Named: return "named";
    case OriginatedKind::kCount: break;
  }
  return "other";
}

std::string_view name(RepeatDirection direction) {
  return direction == RepeatDirection::Server ? "server" : "client";
}

std::string_view name(FailoverReason reason) {
  switch (reason) {
    case FailoverReason::Silence: return "silence";
    case FailoverReason::Unreachable: return "unreachable";
    case FailoverReason::Disconnected: return "disconnected";
    case FailoverReason::Code: return "code";
    case FailoverReason::kCount: break;
  }
  return "other";
}

std::string_view name(NameRefusal reason) {
  switch (reason) {
    case NameRefusal::Nowhere: return "nowhere";
    case NameRefusal::NoAnswer: return "no_answer";
    case NameRefusal::NoRoom: return "no_room";
    case NameRefusal::Rate: return "rate";
    case NameRefusal::MailboxFull: return "mailbox_full";
    case NameRefusal::kCount: break;
  }
  return "other";
}

std::string_view name(SealKind kind) {
  return kind == SealKind::Token ? "token" : "via";
}

int64_t LaneCounters::difference() const {
  uint64_t in = handed_in.value();
  for (const auto& by_kind : received) in += by_kind.sum();
  uint64_t out = forwarded.value() + absorbed.sum() + dropped.sum() + handed_out.sum();
  for (const Counter& code : answered) out += code.value();
  return static_cast<int64_t>(in - out);
}

}  // namespace siplb::proxy
