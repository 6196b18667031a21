#include "base/hash.h"

#include <algorithm>
#include <cstring>

#include <sodium/crypto_shorthash_siphash24.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace siplb {

uint64_t hash_octets(std::string_view octets, uint64_t seed) {
  return XXH3_64bits_withSeed(octets.data(), octets.size(), seed);
}

KeyedHash::KeyedHash(const HashKey& key, HashPurpose purpose) : key_(key) {
  static_assert(sizeof(HashKey::octets) == crypto_shorthash_siphashx24_KEYBYTES);
  buffer_[used_++] = static_cast<char>(purpose);
}

KeyedHash& KeyedHash::add(std::string_view field) {
  put_length(field.size());
  put(field.data(), field.size());
  return *this;
}

KeyedHash& KeyedHash::add_number(uint64_t number) {
  char octets[8];
  std::memcpy(octets, &number, sizeof octets);
  put(octets, sizeof octets);
  return *this;
}

KeyedHash& KeyedHash::add_caseless(std::string_view field) {
  put_length(field.size());
  char lower[64];
  while (!field.empty()) {
    const size_t length = std::min(field.size(), sizeof lower);
    for (size_t i = 0; i < length; ++i) {
      const char c = field[i];
      lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    put(lower, length);
    field.remove_prefix(length);
  }
  return *this;
}

void KeyedHash::put_length(size_t length) {
  const auto prefix = static_cast<uint32_t>(length);
  char octets[4];
  std::memcpy(octets, &prefix, sizeof octets);
  put(octets, sizeof octets);
}

void KeyedHash::put(const char* octets, size_t length) {
  while (length > kBufferSize - used_) {
    const size_t part = kBufferSize - used_;
    std::memcpy(buffer_.data() + used_, octets, part);
    used_ += part;
    octets += part;
    length -= part;
    chain();
  }
  if (length != 0) std::memcpy(buffer_.data() + used_, octets, length);
  used_ += length;
}

// Replaces a full buffer by its digest under the same key and purpose.
void KeyedHash::chain() {
  const Digest so_far = digest();
  std::memcpy(buffer_.data() + 1, so_far.data(), so_far.size());
  used_ = 1 + so_far.size();
}

KeyedHash::Digest KeyedHash::digest() const {
  Digest out;
  crypto_shorthash_siphashx24(out.data(), reinterpret_cast<const unsigned char*>(buffer_.data()),
                              used_, key_.octets.data());
  return out;
}

uint64_t KeyedHash::digest64() const {
  const Digest whole = digest();
  uint64_t first;
  std::memcpy(&first, whole.data(), sizeof first);
  return first;
}

}  // namespace siplb
