#include "proxy/checks.h"

#include "proxy/forwarder.h"
#include "proxy/upstream_via.h"
#include "transport/lane_sockets.h"

namespace siplb::proxy {
namespace {

// Vias that are looked at for a loop, from the nearest on: as many hops as a request may take by
// its usual Max-Forwards, and no more, or a message full of Vias that look like ours would cost 200
// times as much as an ordinary one.
constexpr size_t kHopsMax = 70;

enum class Listed : uint8_t { None, All, TooMany };

// Lists all that Proxy-Require asks for: this proxy knows no extension.
Listed list_unsupported(const sip::Message& request, UnsupportedLine& line) {
  line.clear();
  for (const sip::Header& header : request.headers()) {
    if (header.id != sip::HeaderId::ProxyRequire || header.value.empty()) continue;
    const bool fits = line.try_append(line.empty() ? "Unsupported: " : ", ") &&
                      header.value.size() + 2 <= line.room();
    if (!fits) return Listed::TooMany;
    line.append(header.value);
  }
  if (line.empty()) return Listed::None;
  line.append("\r\n");
  return Listed::All;
}

}  // namespace

std::optional<Verdict> check_request(const sip::Message& request, sip::Transport transport,
                                     UnsupportedLine& unsupported) {
  if (request.via.known_transport() != transport) {
    return Verdict::reply(400, "Via Names Another Transport");
  }
  if (!sip::equal_caseless(request.version, "SIP/2.0")) return Verdict::reply(505);
  if (request.text.size() + kAddedOctetsMax > transport::kUdpMessageMax) return Verdict::reply(513);
  if (!request.max_forwards_digits.empty() && request.max_forwards == 0) return Verdict::reply(483);
  if (request.uri.scheme == sip::Scheme::Other) return Verdict::reply(416);
  if (request.method == sip::Method::Ack || request.method == sip::Method::Cancel) {
    return std::nullopt;
  }
  switch (list_unsupported(request, unsupported)) {
    case Listed::None: break;
    case Listed::All: return Verdict::reply(420, {}, unsupported);
    case Listed::TooMany: return Verdict::reply(400, "Too Many Extensions Required");
  }
  return std::nullopt;
}

bool is_loop(const Request& request, const Snapshot& snapshot) {
  ViaReader vias(request.message);
  sip::Via via = request.message.via;
  std::optional<uint32_t> hash;  // few requests have been here before
  size_t hops = 0;
  for (sip::Via below; hops < kHopsMax && vias.next(below); via = below, ++hops) {
    if (via.slb.empty() || !snapshot.sides.is_own_sent_by(via.host, via.effective_port())) continue;
    sip::ViaSeal seal;
    if (snapshot.seal.open_via(via, sip::canonical(below), seal) != sip::SealFault::None) continue;
    if (!hash) hash = loop_hash(request, snapshot);
    if (seal.loop_hash == *hash) return true;
  }
  return false;
}

Verdict judge_fault(sip::ScanStatus status, const sip::Message& message) {
  if (status == sip::ScanStatus::KeepAlive) return Verdict::absorb(AbsorbReason::KeepAlive);
  if (status == sip::ScanStatus::NotSip) return Verdict::drop(DropReason::NotSip);
  if (message.is_request && sip::answerable(message)) return Verdict::reply(400);
  return Verdict::drop(DropReason::Malformed);
}

Verdict judge_fault(sip::FrameFault fault, const sip::Message& message) {
  if (!sip::answerable(message)) return Verdict::drop(DropReason::Malformed);
  return Verdict::reply(fault == sip::FrameFault::MessageTooLong ? 513 : 400);
}

}  // namespace siplb::proxy
