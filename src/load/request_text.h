// Writes the caller's requests: the same octets for the same call, whenever it is asked.
//
// So a request outside a dialog is not kept for its retransmission: it is written again. What an
// in-dialog request needs (remote target, route set, To tag) is read from the answer that set the
// dialog up, and the ACK to any answer is made from that answer alone: it can be sent again after
// the call is gone, as RFC 3261, 13.2.2.4 and 17.1.1.2 want.
// Thread: one. Bounds: MessageText; no heap after construction.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/fixed_string.h"
#include "load/call_key.h"
#include "sip/message.h"

namespace siplb::load {

using MessageText = FixedString<2048>;

struct RequestTextOptions {
  SockAddress target;                // of the Request-URI and To
  std::vector<SockAddress> sources;  // of Via and Contact, by number of the source
  sip::Transport transport = sip::Transport::Udp;
  uint32_t seed = 0;
};

class RequestText {
 public:
  explicit RequestText(const RequestTextOptions& options);

  // INVITE, its CANCEL, OPTIONS or REGISTER, outside a dialog. Requires: `step` is one of these.
  [[nodiscard]] std::string_view write_first(const BranchKey& key, size_t source);

  // The hop-by-hop ACK to an answer of 300 and above; nothing where it does not fit.
  [[nodiscard]] std::optional<std::string_view> write_failure_ack(const CallKey& call,
                                                                  size_t source,
                                                                  const sip::Message& answer);

  // ACK or BYE in the dialog that `answer`, a 2xx to an INVITE, has set up. Nothing where it does
  // not fit MessageText, or has more Record-Routes than we take.
  // Requires: `step` is Ack or Bye.
  [[nodiscard]] std::optional<std::string_view> write_in_dialog(const BranchKey& key, size_t source,
                                                                const sip::Message& answer);

  // Where the requests of that dialog go by RFC 3261, 12.2.1.1: to the next hop of the route set,
  // else to the remote target; nothing where that is a name.
  [[nodiscard]] static std::optional<SockAddress> next_hop(const sip::Message& answer);

 private:
  void put_via(const BranchKey& key, size_t source);
  void put_contact(size_t source);
  [[nodiscard]] std::optional<std::string_view> whole_text() const;
  void put(std::string_view text) { fits_ = text_.try_append(text) && fits_; }
  // "sip:u17@192.0.2.9:5060": each call has its own user.
  void put_target(const CallKey& call);

  SockAddress::Text target_;
  std::vector<SockAddress::Text> sources_;
  FixedString<8> seed_text_;
  uint32_t seed_;
  bool is_stream_;
  bool fits_ = true;
  MessageText text_;  // the last request written
};

}  // namespace siplb::load
