#include "sip/uri.h"

#include "sip/method.h"

namespace siplb::sip {

namespace {

constexpr size_t kNone = std::string_view::npos;

// "sip" of "sip:…"; empty where `text` does not start with a scheme and its colon.
std::string_view scheme_name(std::string_view text) {
  const size_t length = span_of(kTokenChar, text);
  if (length == text.size() || text[length] != ':') return {};
  return text.substr(0, length);
}

Scheme scheme_from(std::string_view name, std::string_view rest) {
  if (equal_caseless(name, "sip")) return Scheme::Sip;
  if (equal_caseless(name, "sips")) return Scheme::Sips;
  if (equal_caseless(name, "tel")) return Scheme::Tel;
  constexpr std::string_view kService = "service:";  // RFC 5031
  if (equal_caseless(name, "urn") && equal_caseless(rest.substr(0, kService.size()), kService)) {
    return Scheme::UrnService;
  }
  return Scheme::Other;
}

// Takes host[:port] off the front of `rest`; false where something else than ';' or '?' follows.
bool take_authority(std::string_view& rest, Uri& out) {
  out.host = rest.substr(0, host_length(rest));
  if (out.host.empty()) return false;
  rest.remove_prefix(out.host.size());
  if (rest.starts_with(':')) {
    const std::string_view digits = rest.substr(1, span_of(kDigitChar, rest.substr(1)));
    if (!read_port(digits, out.port)) return false;
    rest.remove_prefix(1 + digits.size());
  }
  return rest.empty() || rest.front() == ';' || rest.front() == '?';
}

}  // namespace

uint16_t Uri::effective_port() const {
  if (port != 0) return port;
  const bool tls = scheme == Scheme::Sips || equal_caseless(param("transport"), "tls");
  return default_port(tls ? Transport::Tls : Transport::Udp);
}

std::optional<SockAddress> Uri::literal() const {
  return SockAddress::parse_ip(host, effective_port());
}

bool parse_uri(std::string_view text, Uri& out) {
  out = {};
  if (!long_all_of<kUriChar>(text)) return false;
  const std::string_view scheme = scheme_name(text);
  if (scheme.empty()) return false;
  std::string_view rest = text.substr(scheme.size() + 1);
  out.text = text;
  out.scheme = scheme_from(scheme, rest);
  const bool is_sip = out.scheme == Scheme::Sip || out.scheme == Scheme::Sips;

  // '@' stands nowhere else unescaped, and only in the user may ';' and '?' stand before it.
  if (const size_t at = rest.find('@'); is_sip && at != kNone) {
    const std::string_view user_info = rest.substr(0, at);
    out.user = user_info.substr(0, user_info.find(':'));
    if (out.user.empty()) return false;
    rest.remove_prefix(at + 1);
  }

  if (is_sip) {
    if (!take_authority(rest, out)) return false;
  } else {
    out.host = rest.substr(0, rest.find_first_of(";?"));
    if (out.host.empty()) return false;
    rest.remove_prefix(out.host.size());
  }
  if (rest.empty()) return true;
  if (const size_t mark = rest.find('?'); mark != kNone) {
    out.headers = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.empty()) out.params = rest.substr(1);
  return true;
}

bool parse_name_addr(std::string_view value, NameAddr& out) {
  out = {};
  value = trim(value);
  out.text = value;

  // Up to '<' there is a display name; a ';' before it means that there are no brackets at all.
  size_t at = 0;
  bool quoted_name = false;
  while (at < value.size() && value[at] != '<' && value[at] != ';') {
    size_t step = 1;
    if (value[at] == '"') {
      step = quoted_length(value.substr(at));
      if (step == kNone) return false;
      quoted_name = true;
    }
    at += step;
  }

  std::string_view rest;
  if (at < value.size() && value[at] == '<') {
    const size_t close = value.find('>', at);
    if (close == kNone) return false;
    out.uri = trim(value.substr(at + 1, close - at - 1));
    if (out.uri.empty()) return false;
    rest = trim_front(value.substr(close + 1));
  } else {
    // A comma would start another value here (20.10).
    out.uri = trim(value.substr(0, at));
    if (quoted_name || !long_all_of<kOpaqueChar>(out.uri)) return false;
    rest = value.substr(at);
  }
  if (rest.empty()) return true;
  if (rest.front() != ';') return false;
  out.params = rest.substr(1);
  return true;
}

}  // namespace siplb::sip
