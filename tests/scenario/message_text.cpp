#include "scenario/message_text.h"

#include <algorithm>

#include "sip/head_reader.h"
#include "sip/text.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace siplb::test {
namespace {

template <class Use>
void for_each_header(std::string_view text, Use use) {
  sip::HeadReader reader(text);
  std::string_view ignored;
  if (!reader.take_start_line(ignored)) return;
  sip::Header header;
  for (sip::HeadStep step = reader.next(header);
       step == sip::HeadStep::Header || step == sip::HeadStep::BadHeader;
       step = reader.next(header)) {
    if (step == sip::HeadStep::Header) use(header);
  }
}

sip::Via top_via(std::string_view value) {
  sip::Via via;
  return sip::parse_via(value, via) ? via : sip::Via{};
}

bool is_response(std::string_view text) {
  return text.starts_with("SIP/");
}

std::string start_line_of(std::string_view text) {
  return std::string(text.substr(0, text.find("\r\n")));
}

SipBuilder start(const RequestPlan& plan, std::string_view uri) {
  return SipBuilder::request(sip::Method::Invite)
      .start_line(plan.method + " " + std::string(uri) + " SIP/2.0")
      .cseq(std::to_string(plan.cseq) + " " + plan.method);
}

std::string via_start(sip::Transport transport) {
  return "SIP/2.0/" + std::string(sip::transport_name(transport)) + " ";
}

void set_sender(SipBuilder& builder, const Sender& sender, const RequestPlan& plan) {
  const std::string address(sender.address.text());
  const bool is_stream = sender.transport != sip::Transport::Udp;
  builder
      .via(via_start(sender.transport) + address + ";branch=" + plan.branch +
           (is_stream ? "" : ";rport"))
      .contact("<" + contact_of(sender) + ">");
}

}  // namespace

std::vector<std::string> header_values(std::string_view text, std::string_view name) {
  std::vector<std::string> values;
  for_each_header(text, [&](const sip::Header& header) {
    if (!sip::equal_caseless(header.name, name)) return;
    sip::ValueReader reader(header.value);
    for (std::string_view value; reader.next(value);) values.emplace_back(value);
  });
  return values;
}

std::string first_value(std::string_view text, std::string_view name) {
  const std::vector<std::string> values = header_values(text, name);
  return values.empty() ? "" : values.front();
}

std::string tag_of(std::string_view from_or_to) {
  sip::NameAddr parsed;
  return sip::parse_name_addr(from_or_to, parsed) ? std::string(parsed.param("tag")) : "";
}

std::string uri_of(std::string_view name_addr) {
  sip::NameAddr parsed;
  return sip::parse_name_addr(name_addr, parsed) ? std::string(parsed.uri) : "";
}

std::string branch_of(std::string_view text) {
  const std::string via = first_value(text, "Via");
  return std::string(top_via(via).branch);
}

std::string slb_of(std::string_view text) {
  const std::string via = first_value(text, "Via");
  return std::string(top_via(via).slb);
}

sip::Transport transport_of(std::string_view text) {
  const std::string via = first_value(text, "Via");
  return top_via(via).known_transport().value_or(sip::Transport::Udp);
}

std::string contact_of(const Sender& sender) {
  return "sip:" + sender.name + "@" + std::string(sender.address.text()) +
         (sender.transport == sip::Transport::Tcp ? ";transport=tcp" : "");
}

std::string token_of(std::string_view text) {
  for (const char* const name : {"Record-Route", "Path"}) {
    for (const std::string& value : header_values(text, name)) {
      const std::string address = uri_of(value);
      sip::Uri uri;
      if (sip::parse_uri(address, uri) && !uri.user.empty()) return std::string(uri.user);
    }
  }
  return "";
}

std::string kind_of(std::string_view text) {
  const std::string line = start_line_of(text);
  const size_t space = line.find(' ');
  return is_response(text) ? line.substr(space + 1, 3) : line.substr(0, space);
}

uint32_t cseq_of(std::string_view text) {
  const std::string value = first_value(text, "CSeq");
  return static_cast<uint32_t>(
      sip::read_number(value.substr(0, value.find(' ')), UINT32_MAX - 1).value_or(0));
}

SipBuilder builder_of(std::string_view text) {
  SipBuilder builder;
  builder.start_line(start_line_of(text));
  for_each_header(text, [&](const sip::Header& header) { builder.add(header.name, header.value); });
  const size_t head_end = text.find("\r\n\r\n");
  if (head_end != std::string_view::npos) builder.body(text.substr(head_end + 4));
  return builder;
}

SipBuilder new_request(const Sender& sender, const RequestPlan& plan) {
  SipBuilder builder = start(plan, plan.uri);
  set_sender(builder, sender, plan);
  const std::string to = "<sip:bob@example.com>";
  builder.from("<sip:" + sender.name + "@example.net>;tag=" + plan.from_tag)
      .to(plan.to_tag.empty() ? to : to + ";tag=" + plan.to_tag)
      .call_id(plan.call + "@example.net");
  return builder;
}

SipBuilder in_dialog_request(const Sender& sender, const RequestPlan& plan, std::string_view text) {
  std::string local = first_value(text, is_response(text) ? "From" : "To");
  const std::string remote = first_value(text, is_response(text) ? "To" : "From");
  if (tag_of(local).empty()) local += ";tag=" + plan.from_tag;
  std::vector<std::string> routes = header_values(text, "Record-Route");
  if (is_response(text)) std::reverse(routes.begin(), routes.end());

  SipBuilder builder = start(plan, uri_of(first_value(text, "Contact")));
  set_sender(builder, sender, plan);
  builder.from(local).to(remote).call_id(first_value(text, "Call-ID"));
  for (const std::string& route : routes) builder.route(route);
  return builder;
}

SipBuilder in_transaction_request(const RequestPlan& plan, std::string_view text) {
  SipBuilder builder = start(plan, plan.uri);
  std::string via = first_value(text, "Via");
  if (is_response(text)) {  // as it was sent: without received and the value of rport
    const sip::Via parsed = top_via(via);
    via = via_start(transport_of(text)) + std::string(parsed.sent_by) +
          ";branch=" + std::string(parsed.branch) + (parsed.has_rport ? ";rport" : "");
  }
  builder.via(via)
      .from(first_value(text, "From"))
      .to(first_value(text, "To"))
      .call_id(first_value(text, "Call-ID"))
      .remove("Contact");
  return builder;
}

}  // namespace siplb::test
