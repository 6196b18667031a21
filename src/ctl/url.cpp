#include "ctl/url.h"

#include <cstdint>

namespace siplb::ctl {
namespace {

bool is_unreserved(char c) {
  constexpr std::string_view kMarks = "-._~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

}  // namespace

void Query::add(std::string_view name, std::string_view value) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  text_ += separator_;
  separator_ = '&';
  text_.append(name).push_back('=');
  for (const char c : value) {
    if (is_unreserved(c)) {
      text_ += c;
    } else {
      const auto octet = static_cast<uint8_t>(c);
      text_ += {'%', kDigits[octet >> 4], kDigits[octet & 15]};
    }
  }
}

}  // namespace siplb::ctl
