// The few text operations that every SIP parser here needs.
//
// Thread: any, immutable. Bounds: constant, no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "sip/char_class.h"

namespace siplb::sip {

[[nodiscard]] constexpr std::string_view trim_front(std::string_view text) {
  const char* first = text.data();
  const char* const last = first + text.size();
  while (first != last && is(kSpaceChar, *first)) ++first;
  return {first, static_cast<size_t>(last - first)};
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  text = trim_front(text);
  const char* const first = text.data();
  const char* last = first + text.size();
  while (first != last && is(kSpaceChar, last[-1])) --last;
  return {first, static_cast<size_t>(last - first)};
}

[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// memcmp() for texts of a few octets, without the call.
template <typename Word>
[[nodiscard]] inline bool same_word(const char* a, const char* b) {
  Word x;
  Word y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return x == y;
}

// Compares without case (ASCII).
[[nodiscard]] inline bool equal_caseless(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  // Most text comes in the case that it is compared with. The second word may overlap the first.
  size_t i = 0;
  if (size >= 8) {
    while (size - i >= 8 && same_word<uint64_t>(a.data() + i, b.data() + i)) i += 8;
    if (size - i < 8 && same_word<uint64_t>(a.data() + size - 8, b.data() + size - 8)) return true;
  } else if (size >= 4) {
    if (same_word<uint32_t>(a.data(), b.data())) {
      if (same_word<uint32_t>(a.data() + size - 4, b.data() + size - 4)) return true;
      i = 4;
    }
  } else if (size >= 2 && same_word<uint16_t>(a.data(), b.data())) {
    if (same_word<uint16_t>(a.data() + size - 2, b.data() + size - 2)) return true;
    i = 2;
  }
  for (; i < size; ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// The value of 1*DIGIT, or `most` + 1 where it is larger: however long the text, nothing overflows.
// Nothing where `digits` is empty or not all digits. Requires: most is below 2^32.
[[nodiscard]] constexpr std::optional<uint64_t> read_number(std::string_view digits,
                                                            uint64_t most) {
  if (digits.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char digit : digits) {
    if (!is(kDigitChar, digit)) return std::nullopt;
    if (number <= most) number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number <= most ? number : most + 1;
}

// A port: 1 to 65535.
[[nodiscard]] constexpr bool read_port(std::string_view digits, uint16_t& port) {
  const std::optional<uint64_t> number = read_number(digits, UINT16_MAX);
  if (!number || *number == 0 || *number > UINT16_MAX) return false;
  port = static_cast<uint16_t>(*number);
  return true;
}

// Where the quoted string that `text` starts with ends: the position behind its closing quote; npos
// where it is not closed. Requires: text starts with a quote.
[[nodiscard]] constexpr size_t quoted_length(std::string_view text) {
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// The length of the host that `text` starts with, IPv6 with its brackets; 0 where there is none.
[[nodiscard]] constexpr size_t host_length(std::string_view text) {
  if (text.empty() || text.front() != '[') return span_of(kHostChar, text);
  const size_t inner = span_of(kIpv6Char, text.substr(1));
  const bool closed = 1 + inner < text.size() && text[1 + inner] == ']';
  return inner != 0 && closed ? inner + 2 : 0;
}

}  // namespace siplb::sip
