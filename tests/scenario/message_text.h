// Reads what a script refers to out of messages, and writes what it asks a party to send.
//
// Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "support/sip_builder.h"

namespace siplb::test {

// The values of all headers of that name, in order: one for each value, whatever header it is in.
[[nodiscard]] std::vector<std::string> header_values(std::string_view text, std::string_view name);
// The first one's; empty where there is none.
[[nodiscard]] std::string first_value(std::string_view text, std::string_view name);

[[nodiscard]] std::string tag_of(std::string_view from_or_to);
// The URI of a name-addr.
[[nodiscard]] std::string uri_of(std::string_view name_addr);
[[nodiscard]] std::string branch_of(std::string_view text);
[[nodiscard]] std::string slb_of(std::string_view text);
// Of the top Via.
[[nodiscard]] sip::Transport transport_of(std::string_view text);
// The user part of the first Record-Route that has one, else Path.
[[nodiscard]] std::string token_of(std::string_view text);
// "INVITE", or "200" of a response.
[[nodiscard]] std::string kind_of(std::string_view text);
// A status or the number in CSeq.
[[nodiscard]] uint32_t cseq_of(std::string_view text);

// A message as a builder, to be sent again with changes.
[[nodiscard]] SipBuilder builder_of(std::string_view text);

// Who sends.
struct Sender {
  std::string name;
  SockAddress address;  // where it listens
  sip::Transport transport = sip::Transport::Udp;
};
// Its URI: "sip:alice@192.0.2.10:5060;transport=tcp".
[[nodiscard]] std::string contact_of(const Sender& sender);

// What may be said in a `sends` line; what is not said takes its default.
struct RequestPlan {
  std::string method;
  std::string call = "1";
  std::string branch;
  std::string uri = "sip:bob@example.com";
  std::string from_tag;
  std::string to_tag;
  uint32_t cseq = 1;
};
[[nodiscard]] SipBuilder new_request(const Sender& sender, const RequestPlan& plan);

// How the dialog looks to the one who received or sent `text`: its peer's request, or a response to
// its own.
[[nodiscard]] SipBuilder in_dialog_request(const Sender& sender, const RequestPlan& plan,
                                           std::string_view text);
// The CANCEL of a request, or the ACK to a final response that is no 2xx: of its transaction.
[[nodiscard]] SipBuilder in_transaction_request(const RequestPlan& plan, std::string_view text);

}  // namespace siplb::test
