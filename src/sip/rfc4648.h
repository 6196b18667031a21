// Base32 and base64url (RFC 4648) without padding, for the seal.
//
// Decoding is canonical: of all texts exactly one stands for given octets (base32: in any case), so
// that a seal can't be altered without altering what it says. So bits beyond the last octet must be
// zero, and nothing may follow.
// Thread: any. Bounds: reads and writes within the views given, no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace siplb::sip {

constexpr size_t base32_length(size_t octet_count) {
  return (octet_count * 8 + 4) / 5;
}
constexpr size_t base64url_length(size_t octet_count) {
  return (octet_count * 8 + 5) / 6;
}
// The most octets that a base64url text of this length can stand for.
constexpr size_t base64url_octets(size_t length) {
  return length * 6 / 8;
}

// One digit of base32 in lower case. Requires: value below 32.
[[nodiscard]] char base32_digit(unsigned value);
// 0 to 31; nothing where it is no digit.
[[nodiscard]] std::optional<uint8_t> base32_value(char digit);

// Requires: `text` has exactly the length of these octets.
void encode_base32(std::span<const uint8_t> octets, std::span<char> text);  // in lower case
void encode_base64url(std::span<const uint8_t> octets, std::span<char> text);

// True where `text` is a text of exactly octets.size() octets, which it then fills.
[[nodiscard]] bool decode_base32(std::string_view text, std::span<uint8_t> octets);
[[nodiscard]] bool decode_base64url(std::string_view text, std::span<uint8_t> octets);

}  // namespace siplb::sip
