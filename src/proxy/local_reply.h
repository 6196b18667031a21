// Final answers of our own, stateless: the same request gets the same answer (SIP.md, 5).
//
// Thread: one, the lane's worker. Bounds: one buffer of kReplyOctetsMax.
#pragma once

#include <array>

#include "proxy/outlook.h"
#include "proxy/verdict.h"
#include "transport/wire.h"

namespace siplb::proxy {

// Via, From, To, Call-ID and CSeq of a request longer than this are nobody's who means well.
inline constexpr size_t kReplyOctetsMax = 8192;

class LocalReply {
 public:
  LocalReply(const Outlook& outlook, transport::Wire& wire) : outlook_(outlook), wire_(wire) {}

  // Answers `request`, which came by `source`, as `verdict` says. False where it can't be answered:
  // not answerable, or the answer would be longer than `octets_max`. Requires: verdict.kind is
  // Reply.
  [[nodiscard]] bool send(const sip::Message& request, const transport::Flow& source,
                          const Verdict& verdict, size_t octets_max = kReplyOctetsMax);
  // The answer that was sent last.
  [[nodiscard]] std::string_view text() const { return {buffer_.data(), length_}; }

 private:
  const Outlook& outlook_;
  transport::Wire& wire_;
  size_t length_ = 0;
  std::array<char, kReplyOctetsMax> buffer_;
};

}  // namespace siplb::proxy
