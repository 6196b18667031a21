#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/address.h"
#include "sip/header_names.h"

namespace siplb::config {
namespace {

constexpr size_t kReasonLengthMax = 128;
constexpr size_t kHeaderNameLengthMax = 64;
constexpr size_t kHostLengthMax = 255;  // RFC 1035, 2.3.4
constexpr size_t kLabelLengthMax = 63;
constexpr uint16_t kDnsPort = 53;

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};
// Largest first.
constexpr std::array kDurationUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                    Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizeUnits{Unit{"GiB", 1 << 30}, Unit{"MiB", 1 << 20}, Unit{"KiB", 1 << 10}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <size_t kCount>
std::optional<uint64_t> parse_with_unit(std::string_view text,
                                        const std::array<Unit, kCount>& units, uint64_t highest) {
  const auto digits =
      static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const auto number = parse_number(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.suffix) continue;
    if (*number > highest / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

template <size_t kCount>
std::string text_with_unit(uint64_t value, const std::array<Unit, kCount>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return std::to_string(value / unit.factor).append(unit.suffix);
    }
  }
  return std::to_string(value);
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kHostLengthMax) return false;
  while (true) {
    const size_t dot = std::min(host.find('.'), host.size());
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || label.size() > kLabelLengthMax) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; })) {
      return false;
    }
    // RFC 3261, 25.1: a top label starts with a letter; "10.0.0.256" is a mistyped address.
    if (dot == host.size()) return !is_digit(label.front());
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto count = parse_with_unit(text, kDurationUnits, std::numeric_limits<int64_t>::max());
  if (!count) return std::nullopt;
  return std::chrono::milliseconds(static_cast<int64_t>(*count));
}

std::optional<uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, std::numeric_limits<uint64_t>::max());
}

std::optional<uint64_t> parse_rate(std::string_view text) {
  constexpr std::string_view kUnit = "/s";
  if (!text.ends_with(kUnit)) return std::nullopt;
  return parse_number(text.substr(0, text.size() - kUnit.size()));
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = static_cast<uint64_t>(duration.count());
  return count == 0 ? "0s" : text_with_unit(count, kDurationUnits);
}

std::string size_text(uint64_t octets) {
  return text_with_unit(octets, kSizeUnits);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameLengthMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kMarks = "-.!%*_+`'~";
  return !text.empty() && text.size() <= kHeaderNameLengthMax &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
         });
}

std::optional<std::string> parse_header_pattern(std::string_view text) {
  const bool is_beginning = text.ends_with('*');
  const std::string_view name = is_beginning ? text.substr(0, text.size() - 1) : text;
  if (name.find('*') != std::string_view::npos) return std::nullopt;
  if (name.empty() ? !is_beginning : !is_header_name(name)) return std::nullopt;
  return std::string(sip::long_form(text));
}

bool is_reason_phrase(std::string_view text) {
  return text.size() <= kReasonLengthMax && std::none_of(text.begin(), text.end(), [](char c) {
           const auto octet = static_cast<unsigned char>(c);
           return octet < 0x20 || octet == 0x7f;
         });
}

std::optional<std::string> parse_host(std::string_view text) {
  const auto literal = SockAddress::parse_ip(text, 0);
  const bool is_literal =
      literal && !literal->is_wildcard() && (literal->is_v4() || text.starts_with('['));
  if (!is_literal && !is_host_name(text)) return std::nullopt;
  return std::string(text);
}

std::optional<SockAddress> parse_nameserver(std::string_view text) {
  auto address = SockAddress::parse(text);
  if (!address) address = SockAddress::parse_ip(text, kDnsPort);
  const bool is_good =
      address && address->port() != 0 && (address->is_loopback() || address->is_of_one_host());
  return is_good ? address : std::nullopt;
}

bool is_sent_by(std::string_view text) {
  const size_t host_length =
      text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  const std::string_view host = text.substr(0, host_length);
  if (const std::string_view rest = text.substr(host_length); !rest.empty()) {
    const auto port = rest.front() == ':' ? parse_number(rest.substr(1)) : std::nullopt;
    if (!port || *port < 1 || *port > 65535) return false;
  }
  return parse_host(host).has_value();
}

std::optional<balance::HashKeyOptions> parse_hash_key(std::string_view text) {
  using balance::HashKeyKind;
  constexpr std::pair<std::string_view, HashKeyKind> kKinds[] = {
      {"call-id", HashKeyKind::CallId},     {"from-user", HashKeyKind::FromUser},
      {"to-user", HashKeyKind::ToUser},     {"request-user", HashKeyKind::RequestUser},
      {"source-ip", HashKeyKind::SourceIp},
  };
  for (const auto& [word, kind] : kKinds) {
    if (text == word) return balance::HashKeyOptions{kind, {}};
  }
  constexpr std::string_view kHeaderPrefix = "header:";
  if (!text.starts_with(kHeaderPrefix)) return std::nullopt;
  const std::string_view header = text.substr(kHeaderPrefix.size());
  if (!is_header_name(header)) return std::nullopt;
  return balance::HashKeyOptions{HashKeyKind::HeaderValue, std::string(header)};
}

}  // namespace siplb::config
