#include "sip/hop_request.h"

#include <algorithm>
#include <array>
#include <functional>

#include "sip/text_writer.h"

namespace siplb::sip {
namespace {

struct StartLines {
  Method method;
  std::string_view uri;
  std::string_view via;
};

void put_start(TextWriter& writer, const StartLines& lines) {
  writer.put(method_name(lines.method));
  writer.put(" ");
  writer.put(lines.uri);
  writer.put(" SIP/2.0\r\nVia: ");
  writer.put(lines.via);
  writer.put("\r\n");
}

struct CSeq {
  uint32_t number;
  Method method;
};

// All that follows the Routes. `to` is empty where the To of `origin` stays as it is.
void put_end(TextWriter& writer, const Message& origin, std::string_view to, CSeq cseq) {
  writer.put("Max-Forwards: 70\r\n");
  writer.put(origin.find(HeaderId::From)->line);
  if (to.empty()) {
    writer.put(origin.find(HeaderId::To)->line);
  } else {
    writer.put("To: ");
    writer.put(to);
    writer.put("\r\n");
  }
  writer.put(origin.find(HeaderId::CallId)->line);
  writer.put("CSeq: ");
  writer.put_number(cseq.number);
  writer.put(" ");
  writer.put(method_name(cseq.method));
  writer.put("\r\nContent-Length: 0\r\n\r\n");
}

// What two views of one message have in common; empty also where one of them is of nothing.
std::string_view common(std::string_view a, std::string_view b) {
  const std::less<> before;
  const char* const first = std::max(a.data(), b.data(), before);
  const char* const last = std::min(a.data() + a.size(), b.data() + b.size(), before);
  return before(first, last) ? std::string_view(first, last) : std::string_view();
}

void put_route(TextWriter& writer, const Header& route, std::span<const std::string_view> popped) {
  Editor editor(route.line);
  size_t left = route.value.size();
  for (const std::string_view region : popped) {
    const std::string_view values = common(route.value, region);
    if (values.empty()) continue;
    editor.erase(values);
    left -= values.size();
  }
  if (left > 0) writer.put(editor);
}

// The URI of the first Contact; empty where there is none that a request can be sent to.
std::string_view contact_uri(const Message& response) {
  const Header* const contact = response.find(HeaderId::Contact);
  std::string_view value;
  NameAddr address;
  Uri uri;
  const bool readable = contact != nullptr && ValueReader(contact->value).next(value) &&
                        parse_name_addr(value, address) && parse_uri(address.uri, uri);
  return readable ? address.uri : std::string_view();
}

// Those Record-Routes of a response that were added behind us, nearest last as they stand there.
class RoutesBehind {
 public:
  // False where there are more than any request meets.
  [[nodiscard]] bool read(const Message& response, const char* own) {
    if (own == nullptr) return true;
    for (const Header& header : response.headers()) {
      if (header.id != HeaderId::RecordRoute) continue;
      ValueReader values(header.value);
      for (std::string_view value; values.next(value);) {
        if (value.data() >= own) return true;
        if (count_ == values_.size()) return false;
        values_[count_++] = value;
      }
    }
    return true;
  }

  void put_reversed(TextWriter& writer) const {
    for (size_t i = count_; i > 0; --i) {
      writer.put("Route: ");
      writer.put(values_[i - 1]);
      writer.put("\r\n");
    }
  }

 private:
  std::array<std::string_view, kDialogRoutesMax> values_;
  size_t count_ = 0;
};

}  // namespace

size_t build_hop_request(const Message& request, const HopRequest& options, std::span<char> out) {
  TextWriter writer(out);
  const bool is_strict = !options.strict_router.empty();
  put_start(writer,
            {options.method, is_strict ? options.strict_router : request.request_uri, options.via});
  for (const Header& header : request.headers()) {
    if (header.id == HeaderId::Route) put_route(writer, header, options.popped);
  }
  if (is_strict) {
    writer.put("Route: <");
    writer.put(request.request_uri);
    writer.put(">\r\n");
  }
  put_end(writer, request, options.to, {request.cseq, options.method});
  return writer.length();
}

size_t build_ack_from_response(const Message& response, std::string_view uri, std::span<char> out) {
  TextWriter writer(out);
  put_start(writer, {Method::Ack, uri, response.via.text});
  put_end(writer, response, {}, {response.cseq, Method::Ack});
  return writer.length();
}

size_t build_dialog_request(const Message& response, const DialogRequest& options,
                            std::span<char> out) {
  const std::string_view uri = contact_uri(response);
  RoutesBehind routes;
  if (uri.empty() || !routes.read(response, options.own_record_route)) return 0;
  TextWriter writer(out);
  put_start(writer, {options.method, uri, options.via});
  routes.put_reversed(writer);
  const uint32_t step = options.method == Method::Ack ? 0 : 1;
  put_end(writer, response, {}, {response.cseq + step, options.method});
  return writer.length();
}

}  // namespace siplb::sip
