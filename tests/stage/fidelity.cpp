#include "stage/fidelity.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sip/param.h"

namespace siplb::test {
namespace {

using sip::HeaderId;
using sip::Message;
using Texts = std::vector<std::string_view>;

Texts values(const Message& message, HeaderId id) {
  Texts found;
  for (const sip::Header& header : message.headers()) {
    if (header.id != id) continue;
    sip::ValueReader reader(header.value);
    for (std::string_view value; reader.next(value);) found.push_back(value);
  }
  return found;
}

// The lines of headers that a proxy has no business with.
Texts foreign_lines(const Message& message) {
  Texts found;
  for (const sip::Header& header : message.headers()) {
    switch (header.id) {
      case HeaderId::Via:
      case HeaderId::MaxForwards:
      case HeaderId::Route:
      case HeaderId::RecordRoute: break;
      default:
        if (!sip::equal_caseless(header.name, "Path")) found.push_back(header.line);
    }
  }
  return found;
}

bool is_end_of(const Texts& whole, const Texts& part) {
  return part.size() <= whole.size() && std::equal(part.rbegin(), part.rend(), whole.rbegin());
}

// A Via without what the next hop says about its source.
Texts without_source(std::string_view value) {
  sip::Via via;
  if (!sip::parse_via(value, via)) return {value};
  Texts parts{via.transport, via.sent_by};
  sip::ParamReader reader(via.params);
  for (sip::Param param; reader.next(param);) {
    if (sip::equal_caseless(param.name, "received")) continue;
    if (sip::equal_caseless(param.name, "rport")) continue;
    parts.push_back(param.text);
  }
  return parts;
}

std::string altered_vias(const Message& before, const Message& after) {
  const Texts came = values(before, HeaderId::Via);
  const Texts left = values(after, HeaderId::Via);
  if (!before.is_request) {
    return left == Texts(came.begin() + 1, came.end()) ? "" : "Via";
  }
  if (left.size() != came.size() + 1) return "number of Vias";
  if (without_source(left[1]) != without_source(came[0])) return "top Via";
  return std::equal(came.begin() + 1, came.end(), left.begin() + 2) ? "" : "a Via below";
}

Texts routes(const Message& message) {
  Texts uris = values(message, HeaderId::Route);
  for (std::string_view& value : uris) {
    sip::NameAddr address;
    if (sip::parse_name_addr(value, address)) value = address.uri;
  }
  return uris;
}

// Where a request still has to go: by its Routes to its Request-URI. A strict router that sent it
// put the latter last among the Routes (16.4); one that is sent it gets its own URI first (16.6,
// step 6).
std::string altered_way(const Message& before, const Message& after) {
  const Texts strictly_came = routes(before);
  Texts came = strictly_came;
  came.push_back(before.request_uri);
  Texts left = routes(after);
  Texts strictly_left = left;
  left.push_back(after.request_uri);
  strictly_left.insert(strictly_left.begin(), after.request_uri);
  for (const Texts& whole : {came, strictly_came}) {
    if (is_end_of(whole, left) || is_end_of(whole, strictly_left)) return "";
  }
  return "Route or Request-URI";
}

bool is_counted_down(const Message& before, const Message& after) {
  if (before.max_forwards_digits.empty()) return !after.max_forwards_digits.empty();
  return after.max_forwards < before.max_forwards || before.max_forwards == 255;
}

}  // namespace

std::string altered(const Message& before, const Message& after) {
  if (after.is_request != before.is_request) return "kind";
  if (!before.is_request && after.start_line != before.start_line) return "status line";
  if (after.method_text != before.method_text) return "method";
  if (after.body != before.body) return "body";
  if (foreign_lines(after) != foreign_lines(before)) return "headers that are not ours";
  const Texts recorded = values(before, HeaderId::RecordRoute);
  if (!is_end_of(values(after, HeaderId::RecordRoute), recorded)) return "Record-Route";
  if (std::string vias = altered_vias(before, after); !vias.empty()) return vias;
  if (!before.is_request) return "";
  if (!is_counted_down(before, after)) return "Max-Forwards";
  return altered_way(before, after);
}

std::string misquoted(const Message& request, const Message& reply) {
  Texts asked = values(request, HeaderId::Via);
  Texts told = values(reply, HeaderId::Via);
  if (asked.size() != told.size()) return "number of Vias";
  if (without_source(asked[0]) != without_source(told[0])) return "top Via";
  if (!std::equal(asked.begin() + 1, asked.end(), told.begin() + 1)) return "a Via below";
  if (reply.from.text != request.from.text) return "From";
  if (!reply.to.text.starts_with(request.to.text)) return "To";
  if (reply.call_id != request.call_id) return "Call-ID";
  if (reply.cseq != request.cseq || reply.method_text != request.method_text) return "CSeq";
  return "";
}

}  // namespace siplb::test
