// Classes of octets and the few text operations that every SIP parser here needs (RFC 3261, 25.1).
//
// Thread: any, immutable. Bounds: constant, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace siplb::sip {

enum CharClass : uint8_t {
  kTokenChar = 1,  // what a token is made of
  kHostChar = 2,   // host names and IPv4: letters, digits, '-', '.'; '_', which is met in the field
  kIpv6Char = 4,   // between the brackets
  kSpaceChar = 8,  // SP, HT, and the CRLF of a folded line
  kUriChar = 16,   // may stand in a URI: no control octet, white space, '<', '>' or quote
  kDigitChar = 32,
  kOpaqueChar = 64,  // may stand in a tag or branch: as kUriChar, but no ',' or ';'
  kParamChar = 128,  // between two ';' outside quotes: as kOpaqueChar, and white space
};

inline constexpr std::array<uint8_t, 256> kCharClasses = [] {
  constexpr std::string_view kTokenMarks = "-.!%*_+`'~";
  std::array<uint8_t, 256> classes{};
  for (size_t octet = 0; octet < classes.size(); ++octet) {
    const char c = static_cast<char>(octet);
    const bool digit = c >= '0' && c <= '9';
    const bool hex_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    const bool uri = octet > ' ' && octet != 0x7f && c != '<' && c != '>' && c != '"';
    const bool opaque = uri && c != ',' && c != ';';
    unsigned bits = 0;
    if (digit) bits |= kDigitChar;
    if (digit || letter || kTokenMarks.find(c) != std::string_view::npos) bits |= kTokenChar;
    if (digit || letter || c == '-' || c == '.' || c == '_') bits |= kHostChar;
    if (digit || hex_letter || c == ':' || c == '.') bits |= kIpv6Char;
    if (space) bits |= kSpaceChar;
    if (uri) bits |= kUriChar;
    if (opaque) bits |= kOpaqueChar;
    if (opaque || space) bits |= kParamChar;
    classes[octet] = static_cast<uint8_t>(bits);
  }
  return classes;
}();

[[nodiscard]] constexpr bool is(CharClass wanted, char c) {
  return (kCharClasses[static_cast<uint8_t>(c)] & wanted) != 0;
}

// How many octets at the start of `text` are of this class.
[[nodiscard]] constexpr size_t span_of(CharClass wanted, std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is(wanted, text[length])) ++length;
  return length;
}

// True where `text` is not empty and all of this class.
[[nodiscard]] constexpr bool all_of(CharClass wanted, std::string_view text) {
  return !text.empty() && span_of(wanted, text) == text.size();
}

[[nodiscard]] constexpr std::string_view trim_front(std::string_view text) {
  text.remove_prefix(span_of(kSpaceChar, text));
  return text;
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  text = trim_front(text);
  while (!text.empty() && is(kSpaceChar, text.back())) text.remove_suffix(1);
  return text;
}

[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Compares without case (ASCII).
[[nodiscard]] constexpr bool equal_caseless(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// The value of 1*DIGIT, or `most` + 1 where it is larger: however long the text, nothing overflows.
// Nothing where `digits` is empty or not all digits. Requires: most is below 2^32.
[[nodiscard]] constexpr std::optional<uint64_t> read_number(std::string_view digits,
                                                            uint64_t most) {
  if (!all_of(kDigitChar, digits)) return std::nullopt;
  uint64_t number = 0;
  for (const char digit : digits) {
    number = number * 10 + static_cast<uint64_t>(digit - '0');
    if (number > most) return most + 1;
  }
  return number;
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
