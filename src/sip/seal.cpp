#include "sip/seal.h"

#include <array>

namespace siplb::sip {

std::string_view seal_fault_name(SealFault fault) {
  constexpr std::array<std::string_view, static_cast<size_t>(SealFault::kCount)> kNames = {
      "none", "not_ours", "malformed", "bad_mac", "expired"};
  return kNames[static_cast<size_t>(fault)];
}

Seal::Seal(const HashKey& key, uint32_t instance, uint16_t token_life_days)
    : key_(key), instance_(instance), token_life_days_(token_life_days) {}

FixedString<8> Seal::fingerprint() const {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  const KeyedHash::Digest digest = KeyedHash(key_, HashPurpose::KeyFingerprint).digest();
  FixedString<8> out;
  for (size_t i = 0; i < out.capacity() / 2; ++i) {
    out.append(kHexDigits.substr(digest[i] >> 4, 1));
    out.append(kHexDigits.substr(digest[i] & 15, 1));
  }
  return out;
}

uint16_t listener_hash(std::string_view name) {
  return static_cast<uint16_t>(hash_octets(name));
}

uint32_t server_id(std::string_view group, std::string_view name) {
  return static_cast<uint32_t>(hash_octets(name, hash_octets(group)));
}

}  // namespace siplb::sip
