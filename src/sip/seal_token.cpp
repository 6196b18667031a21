// The token: where the two ends of a dialog are, as the user part of our Record-Route. See seal.h.
//
//   base64url of  header 1, issue day 2, tag hash 3, initiator, responder, MAC 8 octets
//   header        version (4 bits), key id (2), kind (2)
//   end           descriptor 1, server id 4 or listener 2, address 4 or 16, port 2
//   descriptor    transport << 2 | IPv6 << 1 | server
//
// The MAC covers all before it and the Call-ID, so a token is of no use in another call.

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
constexpr size_t kServerEndMax = 1 + 4 + 16 + 2;
constexpr size_t kTokenOctetsMax = kHeadOctets + 2 * kServerEndMax + kMacOctets;
constexpr size_t kTokenLengthMin = base64url_length(kHeadOctets + 2 * kClientEndMin + kMacOctets);
static_assert(kTokenLengthMax == base64url_length(kTokenOctetsMax));

constexpr uint8_t kVersion = 1;
constexpr uint8_t kKeyId = 0;
constexpr uint8_t kKindDialog = 0;
constexpr uint8_t kHeader = kVersion << 4 | kKeyId << 2 | kKindDialog;
// How a token starts: base64url of version and key id, which tells it from a user's name.
constexpr char kTokenStart = 'E';
static_assert(kTokenStart - 'A' == kHeader >> 2);

constexpr unsigned kServerBit = 1;
constexpr unsigned kIpv6Bit = 2;
constexpr unsigned kTransportShift = 2;

void put_end(OctetWriter<kTokenOctetsMax>& out, const TokenEnd& end) {
  SIPLB_ASSERT(end.address.family() != SockAddress::Family::None);
  unsigned descriptor = static_cast<unsigned>(end.transport) << kTransportShift;
  if (end.is_server) descriptor |= kServerBit;
  if (end.address.is_v6()) descriptor |= kIpv6Bit;
  out.put(static_cast<uint8_t>(descriptor));
  if (end.is_server) {
    out.put(end.server_id);
  } else {
    out.put(end.listener);
  }
  out.put_octets(end.address.ip_octets());
  out.put(end.address.port());
}

// False where the descriptor means nothing; what is missing shows in the reader.
bool take_end(OctetReader& reader, TokenEnd& end) {
  const unsigned descriptor = reader.take<uint8_t>();
  const unsigned transport = descriptor >> kTransportShift;
  if (transport >= static_cast<unsigned>(Transport::kCount)) return false;
  end.transport = static_cast<Transport>(transport);
  end.is_server = (descriptor & kServerBit) != 0;
  if (end.is_server) {
    end.server_id = reader.take<uint32_t>();
  } else {
    end.listener = reader.take<uint16_t>();
  }
  if ((descriptor & kIpv6Bit) == 0) {
    const auto ip = reader.take<uint32_t>();
    end.address = SockAddress::v4(ip, reader.take<uint16_t>());
  } else {
    std::array<uint8_t, 16> ip{};
    const std::span<const uint8_t> octets = reader.take_octets(ip.size());
    std::copy(octets.begin(), octets.end(), ip.begin());
    end.address = SockAddress::v6(ip, reader.take<uint16_t>());
  }
  return true;
}

uint64_t mac_of(KeyedHash hash, std::span<const uint8_t> sealed, std::string_view call_id) {
  return hash.add(as_text(sealed)).add(call_id).digest64();
}

}  // namespace

TokenText Seal::seal_token(const Token& token, std::string_view call_id) const {
  OctetWriter<kTokenOctetsMax> octets;
  octets.put(kHeader);
  octets.put(token.issue_day);
  octets.put<uint32_t, 3>(token.from_tag_hash);
  put_end(octets, token.initiator);
  put_end(octets, token.responder);
  octets.put(mac_of(KeyedHash(key_, HashPurpose::Token), octets.octets(), call_id));

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
  if (reader.take<uint8_t>() != kHeader) return SealFault::Malformed;
  token.issue_day = reader.take<uint16_t>();
  token.from_tag_hash = reader.take<uint32_t, 3>();
  if (!take_end(reader, token.initiator)) return SealFault::Malformed;
  if (!take_end(reader, token.responder)) return SealFault::Malformed;
  if (!reader.ok() || reader.remaining() != kMacOctets) return SealFault::Malformed;

  const std::span<const uint8_t> sealed = octets.first(octets.size() - kMacOctets);
  const uint64_t mac = mac_of(KeyedHash(key_, HashPurpose::Token), sealed, call_id);
  if (reader.take<uint64_t>() != mac) return SealFault::BadMac;
  // A day of tolerance: the clocks of two nodes, and midnight between them.
  const int age_days = int{today} - int{token.issue_day};
  if (age_days > int{token_life_days_} || age_days < -1) return SealFault::Expired;
  out = token;
  return SealFault::None;
}

}  // namespace siplb::sip
