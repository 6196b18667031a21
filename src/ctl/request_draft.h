// A request as operators describe it, made whole: what they leave out is as a phone would write it.
//
// Thread: any. Pure.
#pragma once

#include <string>
#include <vector>

namespace siplb::ctl {

struct RequestDraft {
  std::string method = "INVITE";
  std::string uri = "sip:bob@example.com";
  std::string from = "<sip:alice@example.com>";  // a URI, or all of the value
  std::string to;                                // empty: the URI
  std::string source = "192.0.2.1:5060";         // where its Via says that it comes from
  std::string transport = "udp";
  std::vector<std::string> headers;  // "Name: value"; one of a name that a request has once
                                     // replaces what would stand there
};
[[nodiscard]] std::string write_request(const RequestDraft& draft);

// A message out of a file: with line ends as SIP wants them, and an empty line at the end of its
// head. One that has them is left as it is.
[[nodiscard]] std::string with_line_ends(const std::string& text);

}  // namespace siplb::ctl
