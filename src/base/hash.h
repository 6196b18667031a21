// Hashes: an unkeyed one for balancing and trusted tables, a keyed one for all that outsiders see.
//
// hash_octets is XXH3 with a fixed seed, so that restarts and nodes agree (DESIGN 6).
// KeyedHash is SipHash-2-4 with 128 bits of output (libsodium) over a sequence of fields. Fields
// are length-prefixed, so no two sequences share an input; input of any length is taken, by
// chaining. Numbers go in little-endian, so nodes of any byte order agree. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace siplb {

[[nodiscard]] uint64_t hash_octets(std::string_view octets, uint64_t seed = 0);

struct HashKey {
  std::array<uint8_t, 16> octets{};
  bool operator==(const HashKey&) const = default;
};

// What a hash under the node's key is for. The purpose is part of the input, so a value made for
// one can never serve another. Numbers are fixed for ever: they are in messages under way.
enum class HashPurpose : uint8_t {
  Branch = 1,
  Via = 2,
  Token = 3,
  LocalTag = 4,
  Affinity = 6,
  Lane = 7,
  KeyFingerprint = 9,
  Probe = 10,
};

class KeyedHash {
 public:
  using Digest = std::array<uint8_t, 16>;

  // `key` is borrowed for the life of the hash.
  KeyedHash(const HashKey& key, HashPurpose purpose);

  // Requires: below 2^32 octets.
  KeyedHash& add(std::string_view field);
  KeyedHash& add_number(uint64_t number);  // as 8 octets
  // As add(), with A-Z taken as a-z: for values that compare without case.
  KeyedHash& add_caseless(std::string_view field);

  [[nodiscard]] Digest digest() const;
  // The first 64 bits of the digest, little-endian.
  [[nodiscard]] uint64_t digest64() const;

 private:
  void put(const char* octets, size_t length);
  void put_number(uint64_t number, size_t octet_count);
  void put_word(uint64_t word, size_t octet_count);
  void chain();

  static constexpr size_t kBufferSize = 512;
  const HashKey& key_;
  size_t used_ = 0;
  std::array<char, kBufferSize> buffer_;
};

}  // namespace siplb
