// Classes of octets, as one table (RFC 3261, 25.1), and what asks it about texts.
//
// Thread: any, immutable. Bounds: constant, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
  kWordChar = 128,   // may stand in a Call-ID: anything visible
  kParamChar = kOpaqueChar | kSpaceChar,  // between two ';' outside quotes
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
    if (octet > ' ' && octet != 0x7f) bits |= kWordChar;
    if (uri) bits |= kUriChar;
    if (opaque) bits |= kOpaqueChar;
    classes[octet] = static_cast<uint8_t>(bits);
  }
  return classes;
}();

[[nodiscard]] constexpr bool is(CharClass wanted, char c) {
  return (kCharClasses[static_cast<uint8_t>(c)] & wanted) != 0;
}

// How many octets at the start of `text` are of this class.
[[nodiscard]] constexpr size_t span_of(CharClass wanted, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  // Four at a time: a quarter of a scan's instructions are spent here (callgrind).
  for (; end - at >= 4; at += 4) {
    if (!is(wanted, at[0])) return static_cast<size_t>(at - text.data());
    if (!is(wanted, at[1])) return static_cast<size_t>(at - text.data()) + 1;
    if (!is(wanted, at[2])) return static_cast<size_t>(at - text.data()) + 2;
    if (!is(wanted, at[3])) return static_cast<size_t>(at - text.data()) + 3;
  }
  while (at != end && is(wanted, *at)) ++at;
  return static_cast<size_t>(at - text.data());
}

// True where `text` is not empty and all of this class.
[[nodiscard]] constexpr bool all_of(CharClass wanted, std::string_view text) {
  return !text.empty() && span_of(wanted, text) == text.size();
}

}  // namespace siplb::sip
