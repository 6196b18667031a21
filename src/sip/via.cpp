#include "sip/via.h"

#include "sip/param.h"
#include "sip/text.h"

namespace siplb::sip {

namespace {

// Reads from the front of a text; white space between what is read is legal almost everywhere in a
// Via (RFC 3261, 25.1: SLASH, COLON, LWS).
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  std::string_view token() {
    rest_ = trim_front(rest_);
    return take(span_of(kTokenChar, rest_));
  }
  std::string_view host() {
    rest_ = trim_front(rest_);
    return take(host_length(rest_));
  }
  bool mark(char wanted) {
    rest_ = trim_front(rest_);
    return !take(!rest_.empty() && rest_.front() == wanted ? 1 : 0).empty();
  }
  bool text(std::string_view wanted) {
    return !take(rest_.starts_with(wanted) ? wanted.size() : 0).empty();
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view take(size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  std::string_view rest_;
};

// "SIP/2.0/UDP"
bool take_protocol(Cursor& cursor, Via& out) {
  if (!cursor.text("SIP/2.0/")) {
    if (!equal_caseless(cursor.token(), "SIP") || !cursor.mark('/')) return false;
    if (cursor.token() != "2.0" || !cursor.mark('/')) return false;
  }
  out.transport = cursor.token();
  return !out.transport.empty();
}

// "host" or "host:port", which white space must part from the protocol.
bool take_sent_by(Cursor& cursor, Via& out) {
  if (cursor.rest().empty() || !is(kSpaceChar, cursor.rest().front())) return false;
  out.host = cursor.host();
  if (out.host.empty()) return false;
  const char* end = out.host.data() + out.host.size();
  if (cursor.mark(':')) {
    const std::string_view digits = cursor.token();
    if (!read_port(digits, out.port)) return false;
    end = digits.data() + digits.size();
  }
  out.sent_by = {out.host.data(), static_cast<size_t>(end - out.host.data())};
  return true;
}

enum class Known : uint8_t { Branch, Received, Rport, Slb, Other };

Known known_param(std::string_view name) {
  switch (name.size()) {
    case 3: return equal_caseless(name, "slb") ? Known::Slb : Known::Other;
    case 5: return equal_caseless(name, "rport") ? Known::Rport : Known::Other;
    case 6: return equal_caseless(name, "branch") ? Known::Branch : Known::Other;
    case 8: return equal_caseless(name, "received") ? Known::Received : Known::Other;
    default: return Known::Other;
  }
}

bool read_params(Via& out) {
  unsigned seen = 0;
  size_t source_params = 0;
  ParamReader reader(out.params);
  for (Param param; reader.next(param);) {
    if (param.name.empty()) return false;
    const Known known = known_param(param.name);
    if (known == Known::Other) continue;
    const unsigned bit = 1U << static_cast<unsigned>(known);
    if ((seen & bit) != 0) return false;
    seen |= bit;
    if (known == Known::Received || known == Known::Rport) {
      // The ';' is there: parameters start behind one.
      out.source_params[source_params++] = {param.text.data() - 1, param.text.size() + 1};
    }
    switch (known) {
      case Known::Branch: out.branch = param.value; break;
      case Known::Received: out.received = param.value; break;
      case Known::Slb: out.slb = param.value; break;
      case Known::Rport:
        out.has_rport = true;
        if (!param.value.empty() && !read_port(param.value, out.rport)) return false;
        break;
      case Known::Other: break;
    }
  }
  return reader.well_formed();
}

}  // namespace

std::optional<Transport> Via::known_transport() const {
  for (const Transport known : {Transport::Udp, Transport::Tcp, Transport::Tls}) {
    if (equal_caseless(transport, transport_name(known))) return known;
  }
  return std::nullopt;
}

uint16_t Via::effective_port() const {
  return port != 0 ? port : default_port(known_transport().value_or(Transport::Udp));
}

bool Via::has_cookie() const {
  constexpr std::string_view kCookie = "z9hG4bK";
  return equal_caseless(branch.substr(0, kCookie.size()), kCookie);
}

std::optional<SockAddress> Via::response_address() const {
  return SockAddress::parse_ip(received.empty() ? host : received,
                               rport != 0 ? rport : effective_port());
}

bool parse_via(std::string_view value, Via& out) {
  out = {};
  out.text = trim(value);
  Cursor cursor(out.text);
  if (!take_protocol(cursor, out) || !take_sent_by(cursor, out)) return false;
  if (!cursor.mark(';')) return cursor.rest().empty();
  out.params = cursor.rest();
  return read_params(out);
}

ViaStamp stamp_via(const Via& via, const SockAddress& source) {
  ViaStamp stamp;
  stamp.regions[0] = via.source_params[0];
  stamp.regions[1] = via.source_params[1];
  const bool claimed = stamp.regions[0].data() != nullptr;
  if (!claimed) stamp.regions[0] = via.text.substr(via.text.size());

  const std::optional<SockAddress> sent_by = SockAddress::parse_ip(via.host, 0);
  if (via.has_rport) stamp.rport = source.port();
  if (via.has_rport || !sent_by || !sent_by->same_ip(source)) stamp.received = source.with_port(0);

  if (stamp.received.family() != SockAddress::Family::None) {
    stamp.text.append(";received=");
    stamp.text.append(stamp.received.ip_text());
  }
  if (via.has_rport) {
    stamp.text.append(";rport=");
    stamp.text.append_number(stamp.rport);
  }
  stamp.needed = claimed || !stamp.text.empty();
  return stamp;
}

}  // namespace siplb::sip
