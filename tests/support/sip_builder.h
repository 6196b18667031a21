// Builds SIP messages for tests: whole and valid from the start, then bent as the test needs.
//
//   SipBuilder::request(Method::Invite).to("<sip:bob@example.com>;tag=b1").route("<sip:p>").str()
//
// A fresh request is from alice at 192.0.2.1:5060 to bob, outside a dialog, with every mandatory
// header in the order Via, Max-Forwards, From, To, Call-ID, CSeq, Contact. Content-Length comes
// last and fits the body, unless it is set or removed. Nothing is checked: wrong values are
// welcome. Thread: any.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sip/method.h"

namespace siplb::test {

class SipBuilder {
 public:
  [[nodiscard]] static SipBuilder request(sip::Method method = sip::Method::Invite,
                                          std::string_view uri = "sip:bob@example.com");
  [[nodiscard]] static SipBuilder response(uint16_t code = 200,
                                           sip::Method method = sip::Method::Invite);
  // What a server sends back: Via, Record-Route, From, To, Call-ID and CSeq of `request`, copied.
  [[nodiscard]] static SipBuilder answer_to(std::string_view request, uint16_t code = 200);

  // The whole start line, without CRLF.
  SipBuilder& start_line(std::string_view text);

  // Makes this the only header of that name: in the place of the first one, else as the last.
  SipBuilder& set(std::string_view name, std::string_view value);
  // Adds a header behind those of its name, else as the last.
  SipBuilder& add(std::string_view name, std::string_view value);
  // Adds a header above all others.
  SipBuilder& push(std::string_view name, std::string_view value);
  // Adds a line as it is, as the last; its CRLF is the caller's.
  SipBuilder& raw(std::string_view line);
  SipBuilder& remove(std::string_view name);
  // Puts the headers of these names first, in this order; the others keep theirs.
  SipBuilder& order(std::initializer_list<std::string_view> names);

  SipBuilder& via(std::string_view value) { return set("Via", value); }
  SipBuilder& push_via(std::string_view value) { return push("Via", value); }
  SipBuilder& from(std::string_view value) { return set("From", value); }
  SipBuilder& to(std::string_view value) { return set("To", value); }
  SipBuilder& call_id(std::string_view value) { return set("Call-ID", value); }
  SipBuilder& cseq(std::string_view value) { return set("CSeq", value); }
  SipBuilder& contact(std::string_view value) { return set("Contact", value); }
  SipBuilder& max_forwards(std::string_view value) { return set("Max-Forwards", value); }
  SipBuilder& content_length(std::string_view value) { return set("Content-Length", value); }
  SipBuilder& route(std::string_view value) { return add("Route", value); }
  SipBuilder& record_route(std::string_view value) { return add("Record-Route", value); }
  SipBuilder& body(std::string_view text);

  [[nodiscard]] std::string str() const;

 private:
  struct Line {
    std::string name;  // empty: a raw line
    std::string text;  // with its CRLF
  };
  [[nodiscard]] bool has(std::string_view name) const;

  std::string start_line_;
  std::vector<Line> lines_;
  std::string body_;
  bool counts_body_ = true;  // Content-Length is ours to write
};

}  // namespace siplb::test
