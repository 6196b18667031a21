// Fuzz target: what we forward and answer parses, and says the same as what came in.
//
// Whatever the octets, scanning, peeking and answering stay inside them. A message that scans Ok is
// edited as a proxy does (our Via and Record-Route on top, the next Via stamped, the first Route
// popped, Max-Forwards counted down) and scanned again: that must be Ok and agree in all that was
// not edited. What a stateful proxy keeps of a request, and what it makes of that and of responses
// on its own account, parses too: it is read again and again. So does what is turned round for a
// strict router. Assertions are the oracle.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/assert.h"
#include "sip/editor.h"
#include "sip/hop_request.h"
#include "sip/message.h"
#include "sip/remnant.h"
#include "sip/reply.h"
#include "sip/strict_route.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kOurLines =
    "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKours\r\n"
    "Record-Route: <sip:token@198.51.100.1;lr>\r\n";

std::string flat(Editor& editor) {
  std::string text;
  for (const std::string_view piece : editor.pieces()) text += piece;
  return text;
}

const char* end_of(std::string_view text) {
  return text.data() + text.size();
}

// The first value of a header, with what parts it from the next; the whole line where it is alone.
std::string_view first_value(const Header& header) {
  ValueReader reader(header.value);
  std::string_view value;
  if (!reader.next(value) || reader.remaining().empty()) return header.line;
  return {value.data(), static_cast<size_t>(reader.remaining().data() - value.data())};
}

void check_same(const Message& before, const Message& after) {
  SIPLB_ASSERT(after.is_request == before.is_request);
  SIPLB_ASSERT(after.method == before.method);
  SIPLB_ASSERT(after.method_text == before.method_text);
  SIPLB_ASSERT(after.status == before.status);
  SIPLB_ASSERT(after.request_uri == before.request_uri);
  SIPLB_ASSERT(after.from.text == before.from.text);
  SIPLB_ASSERT(after.to.text == before.to.text);
  SIPLB_ASSERT(after.from_tag == before.from_tag);
  SIPLB_ASSERT(after.to_tag == before.to_tag);
  SIPLB_ASSERT(after.call_id == before.call_id);
  SIPLB_ASSERT(after.cseq == before.cseq);
  SIPLB_ASSERT(after.body == before.body);
}

// The stamped Via must say that the message came from `source`, and no two things about it.
void check_stamped(const Message& forwarded, const ViaStamp& stamp) {
  bool ours = true;
  for (const Header& header : forwarded.headers()) {
    if (header.id != HeaderId::Via) continue;
    if (ours) {
      ours = false;
      continue;
    }
    ValueReader reader(header.value);
    std::string_view value;
    Via via;
    SIPLB_ASSERT(reader.next(value));
    SIPLB_ASSERT(parse_via(value, via));
    SIPLB_ASSERT(via.received == stamp.received.ip_text().view());
    SIPLB_ASSERT(via.rport == stamp.rport);
    return;
  }
  SIPLB_ASSERT(ours);  // the stamped Via must be there
}

void forward(const Message& message, const SockAddress& source) {
  Editor editor(message.text);
  editor.insert_before(end_of(message.start_line), kOurLines);
  const ViaStamp stamp = stamp_via(message.via, source);
  editor.replace(stamp.regions[0], stamp.text);
  if (stamp.regions[1].data() != nullptr) editor.erase(stamp.regions[1]);
  const Header* route = message.find(HeaderId::Route);
  if (route != nullptr) editor.erase(first_value(*route));
  if (message.max_forwards > 0) decrement_in_place(message.max_forwards_digits);

  const std::string text = flat(editor);
  const auto forwarded = std::make_unique<Message>();
  // Two lines of ours: the original may have been at the limit.
  const ScanStatus status = scan(text, {}, *forwarded);
  if (message.header_count + 2 > kHeadersMax) return;
  SIPLB_ASSERT(status == ScanStatus::Ok);
  check_same(message, *forwarded);
  SIPLB_ASSERT(forwarded->via.branch == "z9hG4bKours");
  SIPLB_ASSERT(forwarded->max_forwards_digits == message.max_forwards_digits);
  check_stamped(*forwarded, stamp);
}

// What is stored is read again, so it must scan as it did.
void check_stored(std::string_view text, const Message& request, std::string_view body) {
  const auto stored = std::make_unique<Message>();
  SIPLB_ASSERT(scan(text, {}, *stored) == ScanStatus::Ok);
  SIPLB_ASSERT(stored->request_uri == request.request_uri);
  SIPLB_ASSERT(stored->method == request.method);
  SIPLB_ASSERT(stored->via.text == request.via.text);
  SIPLB_ASSERT(stored->from.text == request.from.text);
  SIPLB_ASSERT(stored->to.text == request.to.text);
  SIPLB_ASSERT(stored->call_id == request.call_id);
  SIPLB_ASSERT(stored->cseq == request.cseq);
  SIPLB_ASSERT(stored->body == body);
}

constexpr std::string_view kOurVia = "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKours";

void check_made(std::string_view text, Method method, const Message& from) {
  if (text.empty()) return;  // it did not fit
  const auto made = std::make_unique<Message>();
  SIPLB_ASSERT(scan(text, {}, *made) == ScanStatus::Ok);
  SIPLB_ASSERT(made->is_request && made->method == method);
  SIPLB_ASSERT(made->call_id == from.call_id);
  SIPLB_ASSERT(made->from_tag == from.from_tag);
}

void keep(const Message& request) {
  check_stored(request.text, request, request.body);
  std::string remnant(remnant_length(request), '\0');
  write_remnant(request, remnant);
  check_stored(remnant, request, {});

  const auto stored = std::make_unique<Message>();
  SIPLB_ASSERT(scan(remnant, {}, *stored) == ScanStatus::Ok);
  std::array<char, 4096> out;
  for (const Method method : {Method::Ack, Method::Cancel}) {
    const size_t length = build_hop_request(*stored, {.method = method, .via = kOurVia}, out);
    check_made({out.data(), length}, method, request);
  }
}

void turn_round(const Message& request) {
  std::array<char, 4096> out;
  const size_t length = undo_strict_route(request, out);
  if (length == 0) return;
  SIPLB_ASSERT(length <= request.text.size() + kStrictRouteGrowth);
  const auto turned = std::make_unique<Message>();
  SIPLB_ASSERT(scan({out.data(), length}, {}, *turned) == ScanStatus::Ok);
  ValueReader reader(turned->find(HeaderId::Route)->value);
  std::string_view value;
  NameAddr first;
  SIPLB_ASSERT(reader.next(value) && parse_name_addr(value, first));
  SIPLB_ASSERT(first.uri == request.request_uri);
  SIPLB_ASSERT(turned->body == request.body);
}

void end_call(const Message& response) {
  std::array<char, 4096> out;
  const size_t ack = build_ack_from_response(response, "sip:192.0.2.1:5060", out);
  check_made({out.data(), ack}, Method::Ack, response);
  for (const Method method : {Method::Ack, Method::Bye}) {
    if (method == Method::Bye && response.cseq == INT32_MAX) continue;  // there is no next number
    const Header* record_route = response.find(HeaderId::RecordRoute);
    const size_t length = build_dialog_request(
        response,
        {.method = method,
         .via = kOurVia,
         .own_record_route = record_route == nullptr ? nullptr : end_of(record_route->value)},
        out);
    check_made({out.data(), length}, method, response);
  }
}

// A response leaves us without its top Via; the rest must not change.
void send_back(const Message& message) {
  Editor editor(message.text);
  editor.erase(first_value(*message.find(HeaderId::Via)));
  const std::string text = flat(editor);
  const auto sent = std::make_unique<Message>();
  if (scan(text, {}, *sent) == ScanStatus::Ok) check_same(message, *sent);
}

void answer(const Message& message, ScanStatus status, const SockAddress& source) {
  std::array<char, 4096> out;
  const ReplyOptions options{.code = 400, .to_tag = "ours", .source = source};
  const size_t length = build_reply(message, options, out);
  SIPLB_ASSERT(length == 0 || answerable(message));
  if (length == 0 || status != ScanStatus::Ok) return;
  const auto reply = std::make_unique<Message>();
  SIPLB_ASSERT(scan({out.data(), length}, {}, *reply) == ScanStatus::Ok);
  SIPLB_ASSERT(reply->status == 400);
  SIPLB_ASSERT(reply->method == message.method);
  SIPLB_ASSERT(reply->via.branch == message.via.branch);
  SIPLB_ASSERT(reply->from_tag == message.from_tag);
  SIPLB_ASSERT(reply->to_tag == (message.to_tag.empty() ? "ours" : message.to_tag));
  SIPLB_ASSERT(reply->call_id == message.call_id);
  SIPLB_ASSERT(reply->cseq == message.cseq);
}

}  // namespace
}  // namespace siplb::sip

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace siplb;
  // A block of exact size, and writable as a receive slot is.
  const auto block = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(block.get(), data, size);
  const std::string_view octets(block.get(), size);
  const SockAddress source = SockAddress::v4(0xc0000201, 5060);

  const auto message = std::make_unique<sip::Message>();
  const sip::ScanStatus status = sip::scan(octets, {}, *message);
  const std::string_view call_id = sip::peek_call_id(octets);
  sip::answer(*message, status, source);
  if (status != sip::ScanStatus::Ok) return 0;
  SIPLB_ASSERT(call_id == message->call_id);
  if (message->is_request) {
    sip::turn_round(*message);
    sip::keep(*message);
    sip::forward(*message, source);
  } else {
    sip::end_call(*message);
    sip::send_back(*message);
  }
  return 0;
}
