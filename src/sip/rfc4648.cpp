#include "sip/rfc4648.h"

#include <array>

#include "base/assert.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kBase32Digits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase64UrlDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Digit to value.
using Values = std::array<uint8_t, 256>;
constexpr uint8_t kNoDigit = 0xff;

constexpr Values values_of(std::string_view digits) {
  Values values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<uint8_t>(digits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}

constexpr Values base32_values() {
  Values values = values_of(kBase32Digits);
  for (size_t c = 'A'; c <= 'Z'; ++c) values[c] = values[c | 0x20];
  return values;
}

constexpr Values kBase32Values = base32_values();
constexpr Values kBase64UrlValues = values_of(kBase64UrlDigits);

template <unsigned kDigitBits>
void encode(std::string_view digits, std::span<const uint8_t> octets, std::span<char> text) {
  constexpr unsigned kMask = (1U << kDigitBits) - 1;
  unsigned held = 0;  // the lowest `bits` of it are still to be written
  unsigned bits = 0;
  char* out = text.data();
  for (const uint8_t octet : octets) {
    held = held << 8 | octet;
    for (bits += 8; bits >= kDigitBits; bits -= kDigitBits) {
      *out++ = digits[held >> (bits - kDigitBits) & kMask];
    }
  }
  if (bits != 0) *out = digits[held << (kDigitBits - bits) & kMask];
}

template <unsigned kDigitBits>
bool decode(const Values& values, std::string_view text, std::span<uint8_t> octets) {
  unsigned held = 0;  // the lowest `bits` of it are still to be written
  unsigned bits = 0;
  uint8_t* out = octets.data();
  for (const char digit : text) {
    const uint8_t value = values[static_cast<uint8_t>(digit)];
    if (value == kNoDigit) return false;
    held = held << kDigitBits | value;
    bits += kDigitBits;
    if (bits < 8) continue;
    bits -= 8;
    *out++ = static_cast<uint8_t>(held >> bits);
  }
  return (held & ((1U << bits) - 1)) == 0;
}

}  // namespace

char base32_digit(unsigned value) {
  SIPLB_ASSERT(value < kBase32Digits.size());
  return kBase32Digits[value];
}

std::optional<uint8_t> base32_value(char digit) {
  const uint8_t value = kBase32Values[static_cast<uint8_t>(digit)];
  if (value == kNoDigit) return std::nullopt;
  return value;
}

void encode_base32(std::span<const uint8_t> octets, std::span<char> text) {
  SIPLB_ASSERT(text.size() == base32_length(octets.size()));
  encode<5>(kBase32Digits, octets, text);
}

void encode_base64url(std::span<const uint8_t> octets, std::span<char> text) {
  SIPLB_ASSERT(text.size() == base64url_length(octets.size()));
  encode<6>(kBase64UrlDigits, octets, text);
}

bool decode_base32(std::string_view text, std::span<uint8_t> octets) {
  return text.size() == base32_length(octets.size()) && decode<5>(kBase32Values, text, octets);
}

bool decode_base64url(std::string_view text, std::span<uint8_t> octets) {
  return text.size() == base64url_length(octets.size()) &&
         decode<6>(kBase64UrlValues, text, octets);
}

}  // namespace siplb::sip
