#include "sip/header_names.h"

#include "sip/text.h"

namespace siplb::sip {

namespace {

struct KnownName {
  std::string_view name;
  HeaderId id;
};

HeaderId compact_id(char letter) {
  switch (to_lower(letter)) {
    case 'v': return HeaderId::Via;
    case 'f': return HeaderId::From;
    case 't': return HeaderId::To;
    case 'i': return HeaderId::CallId;
    case 'l': return HeaderId::ContentLength;
    case 'm': return HeaderId::Contact;
    default: return HeaderId::Other;
  }
}

// The only name that one of this length and first letter can be.
KnownName candidate(std::string_view name) {
  const char first = to_lower(name.front());
  switch (name.size()) {
    case 2: return {"To", HeaderId::To};
    case 3: return {"Via", HeaderId::Via};
    case 4:
      return first == 'f' ? KnownName{"From", HeaderId::From} : KnownName{"CSeq", HeaderId::CSeq};
    case 5: return {"Route", HeaderId::Route};
    case 7:
      return to_lower(name[1]) == 'a' ? KnownName{"Call-ID", HeaderId::CallId}
                                      : KnownName{"Contact", HeaderId::Contact};
    case 12:
      return first == 'm' ? KnownName{"Max-Forwards", HeaderId::MaxForwards}
                          : KnownName{"Record-Route", HeaderId::RecordRoute};
    case 13: return {"Proxy-Require", HeaderId::ProxyRequire};
    case 14: return {"Content-Length", HeaderId::ContentLength};
    default: return {{}, HeaderId::Other};
  }
}

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() == 1) return compact_id(name.front());
  if (name.empty()) return HeaderId::Other;
  const KnownName known = candidate(name);
  return equal_caseless(name, known.name) ? known.id : HeaderId::Other;
}

std::string_view long_form(std::string_view name) {
  if (name.size() != 1) return name;
  switch (to_lower(name.front())) {
    case 'a': return "Accept-Contact";
    case 'b': return "Referred-By";
    case 'c': return "Content-Type";
    case 'd': return "Request-Disposition";
    case 'e': return "Content-Encoding";
    case 'f': return "From";
    case 'i': return "Call-ID";
    case 'j': return "Reject-Contact";
    case 'k': return "Supported";
    case 'l': return "Content-Length";
    case 'm': return "Contact";
    case 'n': return "Identity-Info";
    case 'o': return "Event";
    case 'r': return "Refer-To";
    case 's': return "Subject";
    case 't': return "To";
    case 'u': return "Allow-Events";
    case 'v': return "Via";
    case 'x': return "Session-Expires";
    case 'y': return "Identity";
    default: return name;
  }
}

}  // namespace siplb::sip
