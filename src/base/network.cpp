#include "base/network.h"

#include <algorithm>
#include <charconv>

namespace siplb {
namespace {

constexpr unsigned kBitsPerOctet = 8;

unsigned bit_count(const SockAddress& address) {
  return static_cast<unsigned>(address.ip_octets().size()) * kBitsPerOctet;
}

std::optional<uint8_t> read_prefix_length(std::string_view digits, unsigned most) {
  unsigned length = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, length);
  if (read.ec != std::errc() || read.ptr != end || length > most) return std::nullopt;
  return static_cast<uint8_t>(length);
}

// The bits of octet `index` that belong to the prefix.
uint8_t mask_of(size_t index, unsigned prefix_length) {
  const auto begin = static_cast<unsigned>(index) * kBitsPerOctet;
  const unsigned bits = prefix_length <= begin ? 0 : std::min(prefix_length - begin, kBitsPerOctet);
  return static_cast<uint8_t>(0xff00u >> bits);
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = SockAddress::parse_ip(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  Network network;
  network.first_ = *address;
  network.prefix_length_ = static_cast<uint8_t>(bit_count(*address));
  if (slash == std::string_view::npos) return network;

  const auto length = read_prefix_length(text.substr(slash + 1), bit_count(*address));
  if (!length) return std::nullopt;
  network.prefix_length_ = *length;
  const std::string_view octets = address->ip_octets();
  for (size_t i = 0; i < octets.size(); ++i) {
    if ((static_cast<uint8_t>(octets[i]) & ~mask_of(i, *length) & 0xff) != 0) return std::nullopt;
  }
  return network;
}

bool Network::contains(const SockAddress& address) const {
  if (address.family() != first_.family()) return false;
  const std::string_view octets = address.ip_octets();
  const std::string_view first = first_.ip_octets();
  const size_t whole = prefix_length_ / kBitsPerOctet;
  if (octets.substr(0, whole) != first.substr(0, whole)) return false;
  if (prefix_length_ % kBitsPerOctet == 0) return !octets.empty();
  const auto differing = static_cast<uint8_t>(octets[whole] ^ first[whole]);
  return (differing & mask_of(whole, prefix_length_)) == 0;
}

bool any_contains(std::span<const Network> networks, const SockAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

}  // namespace siplb
