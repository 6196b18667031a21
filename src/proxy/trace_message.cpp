#include "proxy/trace_message.h"

#include "sip/escape.h"
#include "sip/head_reader.h"
#include "sip/message.h"
#include "sip/uri.h"

namespace siplb::proxy {
namespace {

// "INVITE sip:bob@example.com SIP/2.0"
struct RequestLine {
  std::string_view method;
  std::string_view uri;
};
RequestLine split(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {};
  return {line.substr(0, first), line.substr(first + 1, last - first - 1)};
}

void append_cut(TraceTitle& title, std::string_view text) {
  title.append(text.substr(0, title.room()));
}

void append_uri(TraceTitle& title, std::string_view text) {
  sip::Uri uri;
  if (!sip::parse_uri(text, uri)) return;
  append_cut(title, " ");
  append_cut(title, text.substr(0, text.find(':') + 1));
  if (uri.scheme == sip::Scheme::Other) return;  // nobody knows where a secret stands in it
  if (!uri.user.empty()) {
    append_cut(title, uri.user);
    append_cut(title, "@");
  }
  append_cut(title, uri.host);
  if (uri.port == 0) return;
  FixedString<6> port;
  port.append(":");
  port.append_number(uri.port);
  append_cut(title, port);
}

bool is_user_of(std::string_view uri_text, std::string_view wanted) {
  sip::Uri uri;
  if (!sip::parse_uri(uri_text, uri)) return false;
  std::string_view user = uri.scheme == sip::Scheme::Tel ? uri.host : uri.user;
  while (!user.empty()) {
    if (wanted.empty() || sip::take_unescaped(user) != wanted.front()) return false;
    wanted.remove_prefix(1);
  }
  return wanted.empty();
}

bool is_user_of_header(std::string_view value, std::string_view wanted) {
  sip::NameAddr party;
  return sip::parse_name_addr(value, party) && is_user_of(party.uri, wanted);
}

}  // namespace

TraceMessage read_trace_message(std::string_view octets) {
  TraceMessage message;
  sip::HeadReader head(octets);
  if (!head.take_start_line(message.start_line)) return {};
  message.start_line.remove_suffix(2);
  if (!sip::is_sip_start_line(message.start_line)) return {};
  sip::Header header;
  for (auto step = head.next(header); step != sip::HeadStep::End && step != sip::HeadStep::Unended;
       step = head.next(header)) {
    if (step == sip::HeadStep::BadHeader) continue;
    switch (header.id) {
      case sip::HeaderId::From: message.from = header.value; break;
      case sip::HeaderId::To: message.to = header.value; break;
      case sip::HeaderId::CallId: message.call_id = header.value; break;
      case sip::HeaderId::CSeq: message.cseq = header.value; break;
      default: break;
    }
  }
  return message;
}

TraceTitle TraceMessage::title() const {
  TraceTitle title;
  if (sip::is_response(start_line)) {
    append_cut(title, start_line.substr(sip::kResponseStart.size()));
    return title;
  }
  const RequestLine line = split(start_line);
  append_cut(title, line.method);
  append_uri(title, line.uri);
  return title;
}

bool TraceMessage::has_user(std::string_view user) const {
  return is_user_of_header(from, user) || is_user_of_header(to, user) ||
         is_user_of(split(start_line).uri, user);
}

}  // namespace siplb::proxy
