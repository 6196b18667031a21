#include "proxy/route_set.h"

namespace siplb::proxy {
namespace {

constexpr size_t kPoppedMax = 2;

class RouteSetReader {
 public:
  RouteSetReader(const sip::Message& request, const Sides& sides, const sip::Seal& seal,
                 uint16_t today, CounterArray<sip::SealFault>& rejected)
      : request_(request), sides_(sides), seal_(seal), today_(today), rejected_(rejected) {}

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
        const char* begin = header.value.data();
        routes_.remaining = {value.data(), begin + header.value.size()};
        routes_.next = uri;
        if (any_popped) pop({begin, value.data()});
        return false;
      }
      ++popped_count_;
      any_popped = true;
    }
    if (any_popped) pop(header.line);
    return true;
  }

  void pop(std::string_view region) { routes_.popped[region_count_++] = region; }

  bool is_ours(const sip::Uri& uri) {
    sip::Token token;
    const sip::SealFault fault = seal_.open_token(uri.user, request_.call_id, today_, token);
    if (fault == sip::SealFault::None) {
      // Two in a row were written by two passes, with nobody between them that stays in the path:
      // the last leads on to where the dialog's end is, from whichever side.
      routes_.has_token = true;
      routes_.token = token;
      routes_.token_text = uri.user;
      return true;
    }
    if (fault != sip::SealFault::NotOurs) rejected_[fault].add();
    return sides_.is_ours(uri);
  }

  const sip::Message& request_;
  const Sides& sides_;
  const sip::Seal& seal_;
  uint16_t today_;
  CounterArray<sip::SealFault>& rejected_;
  RouteSet routes_;
  size_t popped_count_ = 0;
  size_t region_count_ = 0;
};

}  // namespace

RouteSet read_route_set(const sip::Message& request, const Sides& sides, const sip::Seal& seal,
                        uint16_t today, CounterArray<sip::SealFault>& rejected) {
  return RouteSetReader(request, sides, seal, today, rejected).read();
}

}  // namespace siplb::proxy
