#include "transport/stun.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.h"

namespace siplb::transport {
namespace {

constexpr std::string_view kMagicCookie = "\x21\x12\xa4\x42";
constexpr size_t kHeaderOctets = 20;  // type, length, cookie, transaction
constexpr size_t kLengthAt = 2;
constexpr size_t kCookieAt = 4;
constexpr size_t kAttributeHeaderOctets = 4;  // type, length
constexpr size_t kUnknownMax = 8;             // attributes that one answer lists

constexpr uint16_t kBindingRequest = 0x0001;
constexpr uint16_t kBindingSuccess = 0x0101;
constexpr uint16_t kBindingError = 0x0111;

constexpr uint16_t kErrorCode = 0x0009;
constexpr uint16_t kUnknownAttributes = 0x000a;
constexpr uint16_t kXorMappedAddress = 0x0020;
constexpr uint16_t kOptional = 0x8000;  // and above: those who do not know it ignore it
// RFC 5389, 18.2: these mean nothing in a request that is not authenticated.
constexpr std::array<uint16_t, 8> kKnown = {
    0x0001, 0x0006, 0x0008, kErrorCode, kUnknownAttributes, 0x0014, 0x0015, kXorMappedAddress};

static_assert(kHeaderOctets + kAttributeHeaderOctets + 4 + 16 <= kStunResponseOctetsMax);
static_assert(kHeaderOctets + kAttributeHeaderOctets + 4 + kAttributeHeaderOctets +
                  kUnknownMax * sizeof(uint16_t) <=
              kStunResponseOctetsMax);

uint16_t number_at(std::string_view text, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(text[at]) << 8 |
                               static_cast<unsigned char>(text[at + 1]));
}

constexpr size_t padded(size_t octets) {
  return (octets + 3) / 4 * 4;
}

class Writer {
 public:
  explicit Writer(std::span<char> area) : area_(area) {}

  void number(uint16_t value) {
    octet(static_cast<uint8_t>(value >> 8));
    octet(static_cast<uint8_t>(value & 0xff));
  }
  void octet(uint8_t value) { area_[length_++] = static_cast<char>(value); }
  void text(std::string_view octets) {
    std::copy(octets.begin(), octets.end(), area_.begin() + static_cast<ptrdiff_t>(length_));
    length_ += octets.size();
  }
  [[nodiscard]] std::string_view written() const { return {area_.data(), length_}; }

 private:
  std::span<char> area_;
  size_t length_ = 0;
};

struct Unknown {
  std::array<uint16_t, kUnknownMax> types{};
  size_t count = 0;
};

// What the request demands and we do not know, the first kUnknownMax of it; nothing where an
// attribute reaches beyond the end.
std::optional<Unknown> find_unknown(std::string_view attributes) {
  Unknown unknown;
  while (!attributes.empty()) {
    // The rest is a multiple of four octets, so there is a header.
    const uint16_t type = number_at(attributes, 0);
    const size_t octets = kAttributeHeaderOctets + padded(number_at(attributes, kLengthAt));
    if (octets > attributes.size()) return std::nullopt;
    attributes.remove_prefix(octets);
    const bool is_known = std::find(kKnown.begin(), kKnown.end(), type) != kKnown.end();
    if (type >= kOptional || is_known || unknown.count == kUnknownMax) continue;
    unknown.types[unknown.count++] = type;
  }
  return unknown;
}

void write_header(Writer& writer, uint16_t type, size_t attribute_octets,
                  std::string_view request) {
  writer.number(type);
  writer.number(static_cast<uint16_t>(attribute_octets));
  writer.text(request.substr(kCookieAt, kHeaderOctets - kCookieAt));
}

// RFC 5389, 15.2: the port is masked by the cookie, the address by the cookie and the transaction.
void write_success(Writer& writer, std::string_view request, const SockAddress& source) {
  const std::string_view ip = source.ip_octets();
  const std::string_view mask = request.substr(kCookieAt);
  const size_t value_octets = 4 + ip.size();
  write_header(writer, kBindingSuccess, kAttributeHeaderOctets + value_octets, request);
  writer.number(kXorMappedAddress);
  writer.number(static_cast<uint16_t>(value_octets));
  writer.number(source.is_v4() ? 1 : 2);
  writer.number(static_cast<uint16_t>(source.port() ^ number_at(mask, 0)));
  for (size_t i = 0; i < ip.size(); ++i) writer.octet(static_cast<uint8_t>(ip[i] ^ mask[i]));
}

// RFC 5389, 15.6 and 15.9, without a reason phrase.
void write_unknown(Writer& writer, std::string_view request, const Unknown& unknown) {
  const size_t list_octets = unknown.count * sizeof(uint16_t);
  const size_t error_octets = kAttributeHeaderOctets + 4;
  write_header(writer, kBindingError, error_octets + kAttributeHeaderOctets + padded(list_octets),
               request);
  writer.number(kErrorCode);
  writer.number(4);
  writer.number(0);
  writer.octet(4);  // 420, by hundreds and the rest
  writer.octet(20);
  writer.number(kUnknownAttributes);
  writer.number(static_cast<uint16_t>(list_octets));
  for (size_t i = 0; i < unknown.count; ++i) writer.number(unknown.types[i]);
  if (list_octets % 4 != 0) writer.number(0);
}

}  // namespace

bool is_stun_request(std::string_view datagram) {
  return datagram.size() >= kHeaderOctets && datagram.size() % 4 == 0 &&
         number_at(datagram, 0) == kBindingRequest &&
         number_at(datagram, kLengthAt) == datagram.size() - kHeaderOctets &&
         datagram.substr(kCookieAt, kMagicCookie.size()) == kMagicCookie;
}

std::string_view write_stun_response(std::string_view request, const SockAddress& source,
                                     std::array<char, kStunResponseOctetsMax>& area) {
  SIPLB_ASSERT(is_stun_request(request));
  SIPLB_ASSERT(source.family() != SockAddress::Family::None);
  const std::optional<Unknown> unknown = find_unknown(request.substr(kHeaderOctets));
  if (!unknown) return {};
  Writer writer(area);
  if (unknown->count == 0) {
    write_success(writer, request, source);
  } else {
    write_unknown(writer, request, *unknown);
  }
  return writer.written();
}

}  // namespace siplb::transport
