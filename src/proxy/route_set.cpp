#include "proxy/route_set.h"

#include "sip/strict_route.h"

namespace siplb::proxy {
namespace {

constexpr size_t kPoppedMax = 2;

class RouteSetReader {
 public:
  RouteSetReader(const sip::Message& request, const RouteReading& reading,
                 CounterArray<sip::SealFault>& rejected)
      : request_(request), reading_(reading), rejected_(rejected) {}

  RouteSet read() {
    for (const sip::Header& header : request_.headers()) {
      if (header.id == sip::HeaderId::Route && !read_header(header)) break;
    }
    return routes_;
  }

 private:
  // False when a value is left that is not ours: there the popping ends.
  bool read_header(const sip::Header& header) {
    sip::ValueReader values(header.value);
    std::string_view value;
    bool any_popped = false;
    while (values.next(value)) {
      sip::NameAddr entry;
      sip::Uri uri;
      const bool readable = sip::parse_name_addr(value, entry) && sip::parse_uri(entry.uri, uri);
      if (popped_count_ == kPoppedMax || !readable || !is_ours(uri)) {
        routes_.remaining = from(value, header);
        routes_.next = uri;
        routes_.is_next_strict = readable && !sip::is_loose(uri);
        if (routes_.is_next_strict) {
          pop_before(header, values.remaining());
        } else if (any_popped) {
          pop_before(header, value);
        }
        return false;
      }
      ++popped_count_;
      any_popped = true;
    }
    if (any_popped) pop(header.line);
    return true;
  }

  static std::string_view from(std::string_view value, const sip::Header& header) {
    const char* const end = header.value.data() + header.value.size();
    return {value.data(), static_cast<size_t>(end - value.data())};
  }

  // All values of the header that stand before `rest`; the whole line where nothing is left.
  void pop_before(const sip::Header& header, std::string_view rest) {
    if (rest.empty()) {
      pop(header.line);
    } else {
      const char* const begin = header.value.data();
      pop({begin, static_cast<size_t>(rest.data() - begin)});
    }
  }
  void pop(std::string_view region) { routes_.popped[region_count_++] = region; }

  bool is_ours(const sip::Uri& uri) {
    sip::Token token;
    const sip::SealFault fault =
        reading_.seal.open_token(uri.user, request_.call_id, reading_.today, token);
    if (fault == sip::SealFault::None) {
      if (token.kind == sip::TokenKind::Path && !reading_.takes_path_token) return true;
      // Two in a row were written by two passes, with nobody between them that stays in the path:
      // the last leads on to where the dialog's end is, from whichever side.
      routes_.has_token = true;
      routes_.token = token;
      routes_.token_text = uri.user;
      return true;
    }
    if (fault != sip::SealFault::NotOurs) rejected_[fault].add();
    return reading_.sides.is_ours(uri, reading_.local);
  }

  const sip::Message& request_;
  const RouteReading& reading_;
  CounterArray<sip::SealFault>& rejected_;
  RouteSet routes_;
  size_t popped_count_ = 0;
  size_t region_count_ = 0;
};

}  // namespace

RouteSet read_route_set(const sip::Message& request, const RouteReading& reading,
                        CounterArray<sip::SealFault>& rejected) {
  return RouteSetReader(request, reading, rejected).read();
}

}  // namespace siplb::proxy
