// The `;slb=` parameter of our own Via. See seal.h.
//
//   QQQQQQQ 07 <32 to 71 digits of base32>
//   marker, lane in decimal; then instance 4, minute and mode 2, loop hash 4, listener 2, local
//   address 0, 4 or 16, connection 0 or 8, MAC 8 octets; the length of it all says which are there
//
// The marker comes first and is made of one letter, for a steering program that can look only at
// every fourth octet (DESIGN.md, 3). The MAC covers all but the lane, our branch and sent-by, and
// where the response will go. Parameter values of a Via compare without case (RFC 3261, 7.3.1).

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/assert.h"
#include "sip/lane_marker.h"
#include "sip/octets.h"
#include "sip/rfc4648.h"
#include "sip/seal.h"
#include "sip/sent_by.h"
#include "sip/text.h"

namespace siplb::sip {
namespace {

constexpr size_t kBodyAt = kLaneMarker.size() + kLaneDigits;
constexpr size_t kMacOctets = 8;
constexpr size_t kConnectionOctets = sizeof(ViaSeal::connection);

// What a body holds of that which not every one has.
struct Form {
  size_t local_octets;
  size_t connection_octets;

  [[nodiscard]] constexpr size_t octets() const {
    return 4 + 2 + 4 + 2 + local_octets + connection_octets + kMacOctets;
  }
  [[nodiscard]] constexpr size_t length() const { return base32_length(octets()); }
};
// In order of their lengths.
constexpr auto kForms = std::to_array<Form>({{0, 0},
                                             {4, 0},
                                             {0, kConnectionOctets},
                                             {4, kConnectionOctets},
                                             {16, 0},
                                             {16, kConnectionOctets}});
static_assert(std::adjacent_find(kForms.begin(), kForms.end(), [](const Form& a, const Form& b) {
                return a.length() >= b.length();
              }) == kForms.end());
constexpr size_t kBodyOctetsMax = kForms.back().octets();
constexpr size_t kBodyLengthMax = kForms.back().length();
static_assert(kSlbLengthMax == kBodyAt + kBodyLengthMax);

constexpr unsigned kModeBits = 2;
constexpr unsigned kModeCount = static_cast<unsigned>(SealMode::ScatteredCancel) + 1;
static_assert(kModeCount <= 1U << kModeBits);
static_assert(kSealMinutes == 1U << (16 - kModeBits));

// The top Via of a response, ours, but for its `;slb=`.
struct OwnVia {
  Transport transport;
  std::string_view branch;
  SentBy sent_by;
};

uint64_t mac_of(KeyedHash hash, std::span<const uint8_t> fields, const OwnVia& own,
                const NextVia& next) {
  hash.add(as_text(fields));
  hash.add_number(static_cast<uint64_t>(own.transport)).add_caseless(own.branch);
  add_sent_by(hash, own.sent_by);
  hash.add_number(static_cast<uint64_t>(next.transport)).add_caseless(next.branch);
  add_sent_by(hash, {.host = next.host, .port = next.port});
  hash.add(next.received.ip_octets()).add_number(next.rport);
  return hash.digest64();
}

// The form of a text of this length; null where no `;slb=` has that length.
const Form* form_of(size_t length) {
  const auto* const form = std::find_if(kForms.begin(), kForms.end(), [length](const Form& known) {
    return kBodyAt + known.length() == length;
  });
  return form == kForms.end() ? nullptr : form;
}

SockAddress take_local(OctetReader& reader, size_t octets) {
  switch (octets) {
    case 4: return take_ip(reader, SockAddress::Family::V4);
    case 16: return take_ip(reader, SockAddress::Family::V6);
    default: return {};
  }
}

}  // namespace

SlbText Seal::seal_via(const ViaSeal& fields, std::string_view branch, std::string_view our_sent_by,
                       const NextVia& next) const {
  OctetWriter<kBodyOctetsMax> body;
  body.put(fields.instance);
  const unsigned minute = fields.minute % kSealMinutes;
  body.put(static_cast<uint16_t>(minute << kModeBits | static_cast<unsigned>(fields.mode)));
  body.put(fields.loop_hash);
  body.put(fields.listener);
  body.put_octets(fields.local.ip_octets());
  if (fields.connection != 0) body.put(fields.connection);
  const OwnVia own{.transport = fields.transport,
                   .branch = branch,
                   .sent_by = sent_by(our_sent_by, fields.transport)};
  body.put(mac_of(KeyedHash(key_, HashPurpose::Via), body.octets(), own, next));

  std::array<char, kBodyLengthMax> buffer;
  const auto digits = std::span(buffer).first(base32_length(body.octets().size()));
  encode_base32(body.octets(), digits);
  SlbText out;
  out.append(lane_mark(fields.lane));
  out.append({digits.data(), digits.size()});
  return out;
}

SealFault Seal::open_via(const Via& via, const NextVia& next, ViaSeal& out) const {
  const std::string_view text = via.slb;
  if (!equal_caseless(text.substr(0, kLaneMarker.size()), kLaneMarker)) return SealFault::NotOurs;
  const Form* const form = form_of(text.size());
  if (form == nullptr) return SealFault::Malformed;
  std::array<uint8_t, kBodyOctetsMax> buffer;
  const auto body = std::span(buffer).first(form->octets());
  if (!decode_base32(text.substr(kBodyAt), body)) return SealFault::Malformed;
  const std::optional<uint8_t> lane = read_lane(text);
  const std::optional<Transport> transport = via.known_transport();
  if (!lane || !transport) return SealFault::Malformed;

  OctetReader reader(body);
  ViaSeal fields;
  fields.lane = *lane;
  fields.instance = reader.take<uint32_t>();
  const auto minute_and_mode = reader.take<uint16_t>();
  const unsigned mode = minute_and_mode % (1U << kModeBits);
  fields.minute = static_cast<uint16_t>(minute_and_mode >> kModeBits);
  fields.loop_hash = reader.take<uint32_t>();
  fields.listener = reader.take<uint16_t>();
  fields.local = take_local(reader, form->local_octets);
  if (form->connection_octets != 0) fields.connection = reader.take<uint64_t>();
  fields.transport = *transport;
  if (mode >= kModeCount) return SealFault::Malformed;
  fields.mode = static_cast<SealMode>(mode);

  const OwnVia own{.transport = *transport, .branch = via.branch, .sent_by = sent_by(via)};
  const auto sealed = body.first(body.size() - kMacOctets);
  const uint64_t mac = mac_of(KeyedHash(key_, HashPurpose::Via), sealed, own, next);
  if (reader.take<uint64_t>() != mac) return SealFault::BadMac;
  out = fields;
  return SealFault::None;
}

NextVia canonical(const Via& via) {
  return {.transport = via.known_transport().value_or(Transport::Udp),
          .host = via.host,
          .port = via.effective_port(),
          .received = SockAddress::parse_ip(via.received, 0).value_or(SockAddress{}),
          .rport = via.rport,
          .branch = via.branch};
}

}  // namespace siplb::sip
