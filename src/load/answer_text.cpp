#include "load/answer_text.h"

#include "sip/editor.h"

namespace siplb::load {

bool AnswerText::write(const sip::Message& request, const SockAddress& source,
                       std::string_view to_tag) {
  text_.clear();
  fits_ = true;
  bool is_top_via = true;
  for (const sip::Header& header : request.headers()) {
    switch (header.id) {
      case sip::HeaderId::Via:
        if (is_top_via) {
          put_top_via(request, header.line, source);
        } else {
          put(header.line);
        }
        is_top_via = false;
        break;
      case sip::HeaderId::To:
        put("To: ");
        put(header.value);
        if (request.to_tag.empty()) {
          put(";tag=");
          put(to_tag);
        }
        put("\r\n");
        break;
      case sip::HeaderId::From:
      case sip::HeaderId::CallId:
      case sip::HeaderId::CSeq: put(header.line); break;
      default: break;
    }
  }
  basic_length_ = text_.size();
  if (request.method == sip::Method::Register) put_contacts(request);
  if (request.method == sip::Method::Invite) {
    for (const sip::Header& header : request.headers()) {
      if (header.id == sip::HeaderId::RecordRoute) put(header.line);
    }
  }
  return fits_;
}

void AnswerText::put_top_via(const sip::Message& request, std::string_view line,
                             const SockAddress& source) {
  const sip::ViaStamp stamp = sip::stamp_via(request.via, source);
  sip::Editor editor(line);
  if (stamp.needed) {
    editor.replace(stamp.regions[0], stamp.text);
    if (stamp.regions[1].data() != nullptr) editor.erase(stamp.regions[1]);
  }
  for (const std::string_view piece : editor.pieces()) put(piece);
}

void AnswerText::put_contacts(const sip::Message& request) {
  const sip::Header* expires = request.find("Expires");
  const std::string_view granted = expires != nullptr ? expires->value : "3600";
  for (const sip::Header& header : request.headers()) {
    if (header.id != sip::HeaderId::Contact) continue;
    sip::ValueReader reader(header.value);
    for (std::string_view value; reader.next(value);) {
      sip::NameAddr contact;
      if (value == "*" || !sip::parse_name_addr(value, contact)) continue;
      const std::string_view own = contact.param("expires");
      if ((own.data() != nullptr ? own : granted) == "0") continue;  // A binding taken back.
      put("Contact: ");
      put(value);
      if (own.data() == nullptr) {
        put(";expires=");
        put(granted);
      }
      put("\r\n");
    }
  }
}

}  // namespace siplb::load
