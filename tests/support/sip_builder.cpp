#include "support/sip_builder.h"

#include <algorithm>

#include "sip/head_reader.h"
#include "sip/reply.h"
#include "sip/text.h"

namespace siplb::test {

namespace {

std::string line_of(std::string_view name, std::string_view value) {
  return std::string(name) + ": " + std::string(value) + "\r\n";
}

std::string status_line(uint16_t code) {
  return "SIP/2.0 " + std::to_string(code) + " " + std::string(sip::reason_phrase(code));
}

}  // namespace

SipBuilder SipBuilder::request(sip::Method method, std::string_view uri) {
  const std::string name(sip::method_name(method));
  SipBuilder builder;
  builder.start_line(name + " " + std::string(uri) + " SIP/2.0")
      .via("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKalice1")
      .max_forwards("70")
      .from("\"Alice\" <sip:alice@example.net>;tag=a1")
      .to("<sip:bob@example.com>")
      .call_id("call-1@example.net")
      .cseq("1 " + name)
      .contact("<sip:alice@192.0.2.1:5060>");
  return builder;
}

SipBuilder SipBuilder::response(uint16_t code, sip::Method method) {
  SipBuilder builder = request(method);
  builder.start_line(status_line(code))
      .remove("Max-Forwards")
      .to("<sip:bob@example.com>;tag=b1")
      .contact("<sip:bob@198.51.100.1:5060>");
  return builder;
}

SipBuilder SipBuilder::answer_to(std::string_view request, uint16_t code) {
  sip::HeadReader reader(request);
  std::string_view ignored;
  SipBuilder builder;
  builder.start_line(status_line(code));
  if (!reader.take_start_line(ignored)) return builder;
  for (sip::Header header; reader.next(header) == sip::HeadStep::Header;) {
    switch (header.id) {
      case sip::HeaderId::Via: builder.add("Via", header.value); break;
      case sip::HeaderId::RecordRoute: builder.add("Record-Route", header.value); break;
      case sip::HeaderId::From: builder.set("From", header.value); break;
      case sip::HeaderId::To: builder.set("To", header.value); break;
      case sip::HeaderId::CallId: builder.set("Call-ID", header.value); break;
      case sip::HeaderId::CSeq: builder.set("CSeq", header.value); break;
      default: break;
    }
  }
  return builder;
}

SipBuilder& SipBuilder::start_line(std::string_view text) {
  start_line_ = text;
  return *this;
}

SipBuilder& SipBuilder::set(std::string_view name, std::string_view value) {
  const auto named = [&](const Line& line) { return sip::equal_caseless(line.name, name); };
  const auto first = std::find_if(lines_.begin(), lines_.end(), named);
  if (first == lines_.end()) return add(name, value);
  first->text = line_of(name, value);
  lines_.erase(std::remove_if(first + 1, lines_.end(), named), lines_.end());
  return *this;
}

SipBuilder& SipBuilder::add(std::string_view name, std::string_view value) {
  const auto named = [&](const Line& line) { return sip::equal_caseless(line.name, name); };
  const auto last = std::find_if(lines_.rbegin(), lines_.rend(), named);
  const auto place = last == lines_.rend() ? lines_.end() : last.base();
  lines_.insert(place, {std::string(name), line_of(name, value)});
  return *this;
}

SipBuilder& SipBuilder::push(std::string_view name, std::string_view value) {
  lines_.insert(lines_.begin(), {std::string(name), line_of(name, value)});
  return *this;
}

SipBuilder& SipBuilder::raw(std::string_view line) {
  lines_.push_back({{}, std::string(line)});
  return *this;
}

SipBuilder& SipBuilder::remove(std::string_view name) {
  std::erase_if(lines_, [&](const Line& line) { return sip::equal_caseless(line.name, name); });
  if (sip::equal_caseless(name, "Content-Length")) counts_body_ = false;
  return *this;
}

SipBuilder& SipBuilder::order(std::initializer_list<std::string_view> names) {
  auto place = lines_.begin();
  for (const std::string_view name : names) {
    place = std::stable_partition(place, lines_.end(), [&](const Line& line) {
      return sip::equal_caseless(line.name, name);
    });
  }
  return *this;
}

SipBuilder& SipBuilder::body(std::string_view text) {
  body_ = text;
  return *this;
}

bool SipBuilder::has(std::string_view name) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const Line& line) { return sip::equal_caseless(line.name, name); });
}

std::string SipBuilder::str() const {
  std::string text = start_line_ + "\r\n";
  for (const Line& line : lines_) text += line.text;
  if (counts_body_ && !has("Content-Length")) {
    text += line_of("Content-Length", std::to_string(body_.size()));
  }
  return text + "\r\n" + body_;
}

}  // namespace siplb::test
