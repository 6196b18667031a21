#include "base/hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <sodium/crypto_shorthash_siphash24.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace siplb {
namespace {

constexpr size_t kLengthOctets = 4;
constexpr char kChained = static_cast<char>(0x80);  // above every purpose

// Swaps on machines that are not little-endian; its own inverse.
uint64_t little_endian(uint64_t number) {
  return std::endian::native == std::endian::big ? __builtin_bswap64(number) : number;
}

}  // namespace

uint64_t hash_octets(std::string_view octets, uint64_t seed) {
  return XXH3_64bits_withSeed(octets.data(), octets.size(), seed);
}

KeyedHash::KeyedHash(const HashKey& key, HashPurpose purpose) : key_(key) {
  static_assert(sizeof(HashKey::octets) == crypto_shorthash_siphashx24_KEYBYTES);
  buffer_[used_++] = static_cast<char>(purpose);
}

KeyedHash& KeyedHash::add(std::string_view field) {
  put_number(field.size(), kLengthOctets);
  put(field.data(), field.size());
  return *this;
}

KeyedHash& KeyedHash::add_number(uint64_t number) {
  put_number(number, sizeof number);
  return *this;
}

KeyedHash& KeyedHash::add_caseless(std::string_view field) {
  put_number(field.size(), kLengthOctets);
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

void KeyedHash::put_number(uint64_t number, size_t octet_count) {
  const uint64_t octets = little_endian(number);
  put(reinterpret_cast<const char*>(&octets), octet_count);
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

// Replaces a full buffer by its digest. The first octet then differs from that of any fresh buffer,
// so no field can pose as a digest.
void KeyedHash::chain() {
  const Digest so_far = digest();
  buffer_[0] = static_cast<char>(buffer_[0] | kChained);
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
  return little_endian(first);
}

}  // namespace siplb
