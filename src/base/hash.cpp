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
constexpr size_t kWordOctets = 8;
constexpr char kChained = static_cast<char>(0x80);  // above every purpose

// Swaps on machines that are not little-endian; its own inverse.
uint64_t little_endian(uint64_t number) {
  return std::endian::native == std::endian::big ? __builtin_bswap64(number) : number;
}

// Eight octets at once with A-Z made a-z. Octets from 0x80 on stay as they are.
uint64_t lower_case(uint64_t word) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t low_bits = word & (kEach * 0x7f);
  const uint64_t from_a = low_bits + kEach * (0x80 - 'A');
  const uint64_t past_z = low_bits + kEach * (0x80 - 'Z' - 1);
  const uint64_t is_upper = from_a & ~past_z & ~word & (kEach * 0x80);
  return word | is_upper >> 2;
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
  while (field.size() >= kWordOctets) {
    uint64_t word;
    std::memcpy(&word, field.data(), kWordOctets);
    put_word(lower_case(word), kWordOctets);
    field.remove_prefix(kWordOctets);
  }
  uint64_t rest = 0;
  if (!field.empty()) std::memcpy(&rest, field.data(), field.size());
  put_word(lower_case(rest), field.size());
  return *this;
}

void KeyedHash::put_number(uint64_t number, size_t octet_count) {
  put_word(little_endian(number), octet_count);
}

// The first octets of `word` as it stands in memory.
void KeyedHash::put_word(uint64_t word, size_t octet_count) {
  if (kBufferSize - used_ < kWordOctets) {
    put(reinterpret_cast<const char*>(&word), octet_count);
    return;
  }
  // A store of fixed size is one instruction; what it writes too much is overwritten by the next.
  std::memcpy(buffer_.data() + used_, &word, kWordOctets);
  used_ += octet_count;
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
