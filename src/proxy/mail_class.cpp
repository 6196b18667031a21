#include "proxy/mail_class.h"

#include "sip/head_reader.h"
#include "sip/method.h"
#include "sip/text.h"

namespace siplb::proxy {
namespace {

// Longer than every urgent method with the space behind it.
constexpr size_t kStartMax = 8;

}  // namespace

net::MailClass mail_class_of(std::string_view octets) {
  const std::string_view start = sip::HeadReader(octets).rest().substr(0, kStartMax);
  if (sip::equal_caseless(start.substr(0, 4), "SIP/")) return net::MailClass::Urgent;
  switch (sip::method_from(start.substr(0, start.find(' ')))) {
    case sip::Method::Ack:
    case sip::Method::Bye:
    case sip::Method::Cancel:
    case sip::Method::Info:
    case sip::Method::Prack:
    case sip::Method::Update: return net::MailClass::Urgent;
    default: return net::MailClass::NewWork;
  }
}

}  // namespace siplb::proxy
