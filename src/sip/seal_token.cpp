// The token: where two ends are, as the user part of our Record-Route or Path. See seal.h.
//
//   base64url of  header 1, issue day 2, tag hash 3, initiator, responder, MAC 8 octets
//   header        version (4 bits), key id (2), kind (2)
//   end           descriptor 1, server id 4 or listener 2, address 4 or 16, port 2, local address
//                 0, 4 or 16 octets; a client's on a stream: instance 4, connection 8
//   descriptor    has local << 7 | transport << 2 | IPv6 << 1 | server
//
// The MAC covers all before it and, in a dialog, the Call-ID, so a token is of no use in another
// call.

#include <algorithm>
#include <array>
#include <span>

#include "base/assert.h"
#include "sip/octets.h"
#include "sip/rfc4648.h"
#include "sip/seal.h"

namespace siplb::sip {
namespace {

constexpr size_t kMacOctets = 8;
constexpr size_t kHeadOctets = 1 + 2 + 3;
constexpr size_t kClientEndMin = 1 + 2 + 4 + 2;
constexpr size_t kClientEndMax = 1 + 2 + 16 + 2 + 16 + 4 + 8;
constexpr size_t kServerEndMin = 1 + 4 + 4 + 2;
constexpr size_t kServerEndMax = 1 + 4 + 16 + 2;
// At most one end is a client's.
constexpr size_t kTokenOctetsMin = kHeadOctets + kServerEndMin + kClientEndMin + kMacOctets;
constexpr size_t kTokenOctetsMax = kHeadOctets + kServerEndMax + kClientEndMax + kMacOctets;
constexpr size_t kTokenLengthMin = base64url_length(kTokenOctetsMin);
static_assert(kTokenLengthMax == base64url_length(kTokenOctetsMax));

constexpr uint8_t kVersion = 1;
constexpr uint8_t kKeyId = 0;
constexpr uint8_t kHeader = kVersion << 4 | kKeyId << 2;  // and the kind
constexpr uint8_t kKindCount = static_cast<uint8_t>(TokenKind::Path) + 1;
static_assert(kKindCount <= 4);
// How a token starts: base64url of version and key id, which tells it from a user's name.
constexpr char kTokenStart = 'E';
static_assert(kTokenStart - 'A' == kHeader >> 2);

constexpr unsigned kServerBit = 1;
constexpr unsigned kIpv6Bit = 2;
constexpr unsigned kTransportShift = 2;
constexpr unsigned kLocalBit = 0x80;

// Most clients can't be connected to, so the stream that one came by is part of where it is.
bool has_connection(const TokenEnd& end) {
  return !end.is_server && end.transport != Transport::Udp;
}

void put_end(OctetWriter<kTokenOctetsMax>& out, const TokenEnd& end) {
  SIPLB_ASSERT(end.address.family() != SockAddress::Family::None);
  const bool has_local = !end.is_server && end.local.family() == end.address.family();
  unsigned descriptor = static_cast<unsigned>(end.transport) << kTransportShift;
  if (end.is_server) descriptor |= kServerBit;
  if (end.address.is_v6()) descriptor |= kIpv6Bit;
  if (has_local) descriptor |= kLocalBit;
  out.put(static_cast<uint8_t>(descriptor));
  if (end.is_server) {
    out.put(end.server_id);
  } else {
    out.put(end.listener);
  }
  out.put_octets(end.address.ip_octets());
  out.put(end.address.port());
  if (has_local) out.put_octets(end.local.ip_octets());
  if (!has_connection(end)) return;
  out.put(end.instance);
  out.put(end.connection);
}

// False where the descriptor means nothing; what is missing shows in the reader.
bool take_end(OctetReader& reader, TokenEnd& end) {
  const unsigned descriptor = reader.take<uint8_t>();
  const unsigned transport = (descriptor & ~kLocalBit) >> kTransportShift;
  const bool is_v6 = (descriptor & kIpv6Bit) != 0;
  const auto family = is_v6 ? SockAddress::Family::V6 : SockAddress::Family::V4;
  const bool has_local = (descriptor & kLocalBit) != 0;
  if (transport >= static_cast<unsigned>(Transport::kCount)) return false;
  end.transport = static_cast<Transport>(transport);
  end.is_server = (descriptor & kServerBit) != 0;
  if (end.is_server && has_local) return false;
  if (end.is_server) {
    end.server_id = reader.take<uint32_t>();
  } else {
    end.listener = reader.take<uint16_t>();
  }
  const SockAddress ip = take_ip(reader, family);
  end.address = ip.with_port(reader.take<uint16_t>());
  if (has_local) end.local = take_ip(reader, family);
  if (has_connection(end)) {
    end.instance = reader.take<uint32_t>();
    end.connection = reader.take<uint64_t>();
  }
  return true;
}

// What stands before the MAC binds its kind too, so no Path passes for a dialog's token.
uint64_t mac_of(KeyedHash hash, TokenKind kind, std::span<const uint8_t> sealed,
                std::string_view call_id) {
  hash.add(as_text(sealed));
  if (kind == TokenKind::Dialog) hash.add(call_id);
  return hash.digest64();
}

}  // namespace

TokenText Seal::seal_token(const Token& token, std::string_view call_id) const {
  SIPLB_ASSERT(token.initiator.is_server || token.responder.is_server);
  OctetWriter<kTokenOctetsMax> octets;
  octets.put(static_cast<uint8_t>(kHeader | static_cast<uint8_t>(token.kind)));
  octets.put(token.issue_day);
  octets.put<uint32_t, 3>(token.from_tag_hash);
  put_end(octets, token.initiator);
  put_end(octets, token.responder);
  octets.put(mac_of(KeyedHash(key_, HashPurpose::Token), token.kind, octets.octets(), call_id));

  std::array<char, kTokenLengthMax> text;
  const size_t length = base64url_length(octets.octets().size());
  encode_base64url(octets.octets(), std::span(text).first(length));
  TokenText out;
  out.append({text.data(), length});
  return out;
}

SealFault Seal::open_token(std::string_view user, std::string_view call_id, uint16_t today,
                           Token& out) const {
  if (user.size() < kTokenLengthMin || user.size() > kTokenLengthMax) return SealFault::NotOurs;
  if (user.front() != kTokenStart) return SealFault::NotOurs;
  std::array<uint8_t, kTokenOctetsMax> buffer;
  const std::span<uint8_t> octets = std::span(buffer).first(base64url_octets(user.size()));
  if (!decode_base64url(user, octets)) return SealFault::Malformed;

  OctetReader reader(octets);
  Token token;
  const uint8_t kind = reader.take<uint8_t>() ^ kHeader;
  if (kind >= kKindCount) return SealFault::Malformed;
  token.kind = static_cast<TokenKind>(kind);
  token.issue_day = reader.take<uint16_t>();
  token.from_tag_hash = reader.take<uint32_t, 3>();
  if (!take_end(reader, token.initiator)) return SealFault::Malformed;
  if (!take_end(reader, token.responder)) return SealFault::Malformed;
  if (!token.initiator.is_server && !token.responder.is_server) return SealFault::Malformed;
  if (!reader.ok() || reader.remaining() != kMacOctets) return SealFault::Malformed;

  const std::span<const uint8_t> sealed = octets.first(octets.size() - kMacOctets);
  const uint64_t mac = mac_of(KeyedHash(key_, HashPurpose::Token), token.kind, sealed, call_id);
  if (reader.take<uint64_t>() != mac) return SealFault::BadMac;
  // A day of tolerance: the clocks of two nodes, and midnight between them.
  const int age_days = int{today} - int{token.issue_day};
  if (age_days > int{token_life_days_} || age_days < -1) return SealFault::Expired;
  out = token;
  return SealFault::None;
}

}  // namespace siplb::sip
