// Fuzz target: what the parts of a message are read by, each on its own: URI, name-addr, Via and a
// list of values.
//
// Whatever the octets, each reader stays inside them, gives views into them, and agrees with
// itself: what it found, put together again, reads as the same. Assertions are the oracle.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "sip/message.h"
#include "sip/param.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace siplb::sip {
namespace {

bool is_inside(std::string_view part, std::string_view whole) {
  return part.data() == nullptr ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_params(std::string_view params, std::string_view whole) {
  SIPLB_ASSERT(is_inside(params, whole));
  ParamReader reader(params);
  for (Param param; reader.next(param);) {
    SIPLB_ASSERT(is_inside(param.text, params));
    SIPLB_ASSERT(is_inside(param.name, param.text));
    SIPLB_ASSERT(is_inside(param.value, param.text));
  }
}

void check_uri(std::string_view text) {
  Uri uri;
  if (!parse_uri(text, uri)) return;
  for (const std::string_view part : {uri.user, uri.host, uri.params, uri.headers}) {
    SIPLB_ASSERT(is_inside(part, text));
  }
  SIPLB_ASSERT(uri.text == text && !uri.host.empty());
  check_params(uri.params, text);
  if (uri.scheme != Scheme::Sip) return;
  // An address that a URI leads to is the one that it spells.
  if (const auto literal = uri.literal()) {
    const std::string again = "sip:" + std::string(literal->text());
    Uri same;
    SIPLB_ASSERT(parse_uri(again, same));
    SIPLB_ASSERT(same.literal() == literal);
  }
  std::string again = "sip:";
  if (!uri.user.empty()) again += std::string(uri.user) + "@";
  again += uri.host;
  if (uri.port != 0) again += ":" + std::to_string(uri.port);
  Uri same;
  SIPLB_ASSERT(parse_uri(again, same));
  SIPLB_ASSERT(same.user == uri.user && same.host == uri.host && same.port == uri.port);
}

void check_name_addr(std::string_view text) {
  NameAddr address;
  if (!parse_name_addr(text, address)) return;
  SIPLB_ASSERT(is_inside(address.uri, text) && !address.uri.empty());
  check_params(address.params, text);
  const std::string again = "<" + std::string(address.uri) + ">;" + std::string(address.params);
  NameAddr same;
  SIPLB_ASSERT(parse_name_addr(again, same));
  SIPLB_ASSERT(same.uri == address.uri);
  SIPLB_ASSERT(same.params == address.params);
  SIPLB_ASSERT(same.param("tag") == address.param("tag"));
}

// What is said about the source must replace what was claimed, and leave the rest.
void check_stamp(const Via& via, const SockAddress& source) {
  const ViaStamp stamp = stamp_via(via, source);
  std::string text(via.text);
  // The regions are in the order of the text, so the last goes first.
  for (size_t i = 2; i-- > 0;) {
    const std::string_view region = stamp.regions[i];
    if (region.data() == nullptr) continue;
    SIPLB_ASSERT(is_inside(region, via.text));
    text.replace(static_cast<size_t>(region.data() - via.text.data()), region.size(),
                 i == 0 ? std::string_view(stamp.text) : std::string_view());
  }
  Via stamped;
  SIPLB_ASSERT(parse_via(text, stamped));
  SIPLB_ASSERT(stamped.branch == via.branch && stamped.sent_by == via.sent_by);
  SIPLB_ASSERT(stamped.rport == stamp.rport);
  SIPLB_ASSERT(!stamped.received.empty() || stamp.received.family() == SockAddress::Family::None);
  if (via.has_rport) SIPLB_ASSERT(stamped.response_address() == source);
}

void check_via(std::string_view text) {
  Via via;
  if (!parse_via(text, via)) return;
  for (const std::string_view part :
       {via.transport, via.sent_by, via.host, via.branch, via.received, via.slb,
        via.source_params[0], via.source_params[1]}) {
    SIPLB_ASSERT(is_inside(part, text));
  }
  SIPLB_ASSERT(!via.transport.empty() && !via.host.empty());
  check_params(via.params, text);
  check_stamp(via, SockAddress::v4(0xc0000201, 5060));
}

// The values, with commas between them again, are the same values.
void check_values(std::string_view text) {
  std::string again;
  size_t count = 0;
  ValueReader reader(text);
  for (std::string_view value; reader.next(value); ++count) {
    SIPLB_ASSERT(is_inside(value, text) && is_inside(reader.remaining(), text));
    if (count != 0) again += ",";
    again += value;
  }
  ValueReader first(text);
  ValueReader second(again);
  for (size_t i = 0; i < count; ++i) {
    std::string_view value;
    std::string_view same;
    SIPLB_ASSERT(first.next(value));
    // What ends in an empty value may have lost its comma.
    if (!second.next(same)) {
      SIPLB_ASSERT(value.empty() && i + 1 == count);
      return;
    }
    SIPLB_ASSERT(value == same);
  }
}

}  // namespace
}  // namespace siplb::sip

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A block of exact size: a read past its end is seen.
  const auto block = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(block.get(), data, size);
  const std::string_view text(block.get(), size);
  siplb::sip::check_uri(text);
  siplb::sip::check_name_addr(text);
  siplb::sip::check_via(text);
  siplb::sip::check_values(text);
  return 0;
}
