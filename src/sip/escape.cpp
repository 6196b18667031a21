#include "sip/escape.h"

namespace siplb::sip {
namespace {

// The value of a hexadecimal digit, -1 for any other octet.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

char take_unescaped(std::string_view& text) {
  char octet = text[0];
  size_t length = 1;
  if (octet == '%' && text.size() >= 3) {
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high >= 0 && low >= 0) {
      octet = static_cast<char>(high << 4 | low);
      length = 3;
    }
  }
  text.remove_prefix(length);
  return octet;
}

std::string_view unescape(std::string_view text, std::span<char> buffer) {
  if (text.find('%') == std::string_view::npos) return text;
  size_t length = 0;
  while (!text.empty() && length < buffer.size()) buffer[length++] = take_unescaped(text);
  return {buffer.data(), length};
}

}  // namespace siplb::sip
