// Writes what the answers to one request have in common.
//
// An answer is a status line, the lines copied from its request, and the server's own: so all
// answers to a request (180, 200, 487) are made of one copy. The top Via is stamped with received
// and rport (RFC 3261, 18.2.1; RFC 3581) and To gets the server's tag where it has none.
// Thread: one. Bounds: AnswerText::kOctetsMax; no heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/fixed_string.h"
#include "sip/message.h"

namespace siplb::load {

class AnswerText {
 public:
  static constexpr size_t kOctetsMax = 2048;

  // Copies Via, From, To, Call-ID and CSeq, and then what only a 2xx or 18x shows: Record-Route of
  // an INVITE (12.1.1), the Contacts of a REGISTER with their expiry (10.3). False where it does
  // not fit.
  [[nodiscard]] bool write(const sip::Message& request, const SockAddress& source,
                           std::string_view to_tag);

  // Both end in CRLF and live until the next write().
  [[nodiscard]] std::string_view basic() const { return text_.view().substr(0, basic_length_); }
  [[nodiscard]] std::string_view full() const { return text_; }

 private:
  void put(std::string_view text) { fits_ = text_.try_append(text) && fits_; }
  void put_top_via(const sip::Message& request, std::string_view line, const SockAddress& source);
  void put_contacts(const sip::Message& request);

  FixedString<kOctetsMax> text_;
  size_t basic_length_ = 0;
  bool fits_ = true;
};

}  // namespace siplb::load
