#include "base/hash.h"

#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace siplb {
namespace {

// The key of the published SipHash test vectors: 00 01 02 … 0f.
constexpr HashKey kKey{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

// A purpose of no use makes the hash's input 00 01 02 …, as in those vectors.
constexpr HashPurpose kNoPurpose{0};

std::string hex(const KeyedHash::Digest& digest) {
  std::string out;
  for (const uint8_t octet : digest) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(octet));
    out += digits;
  }
  return out;
}

KeyedHash::Digest digest_of(std::string_view field) {
  return KeyedHash(kKey, HashPurpose::Branch).add(field).digest();
}

TEST(HashOctetsTest, IsTheSameInEveryVersion) {
  EXPECT_EQ(hash_octets(""), 0x2d06800538d394c2u);  // XXH3's published value of the empty input
  EXPECT_EQ(hash_octets("siplb"), hash_octets("siplb", 0));
  EXPECT_NE(hash_octets("siplb"), hash_octets("siplb", 1));
}

TEST(KeyedHashTest, GivesThePublishedSipHashValues) {
  EXPECT_EQ(hex(KeyedHash(kKey, kNoPurpose).digest()), "da87c1d86b99af44347659119b22fc45");
  EXPECT_EQ(hex(KeyedHash(kKey, kNoPurpose).add_number(0x0807060504030201).digest()),
            "264499060ad9baabc47f8b02bb6d71ed");
  EXPECT_EQ(hex(KeyedHash(kKey, kNoPurpose)
                    .add_number(0x0807060504030201)
                    .add_number(0x100f0e0d0c0b0a09)
                    .digest()),
            "473d06e8738db89854c066c47ae47740");
}

TEST(KeyedHashTest, Digest64IsTheFirstHalfOfTheDigest) {
  EXPECT_EQ(KeyedHash(kKey, kNoPurpose).digest64(), 0x44af996bd8c187dau);
}

TEST(KeyedHashTest, KeepsFieldsApart) {
  const auto two = [](std::string_view a, std::string_view b) {
    return KeyedHash(kKey, HashPurpose::Branch).add(a).add(b).digest();
  };
  EXPECT_NE(two("ab", "c"), two("a", "bc"));
  EXPECT_NE(two("abc", ""), two("", "abc"));
  EXPECT_NE(two("abc", ""), digest_of("abc"));
  EXPECT_NE(digest_of(""), KeyedHash(kKey, HashPurpose::Branch).digest());
}

TEST(KeyedHashTest, DiffersByPurposeAndKey) {
  HashKey other = kKey;
  other.octets[15] ^= 1;
  const KeyedHash::Digest digest = digest_of("a");
  EXPECT_NE(KeyedHash(kKey, HashPurpose::Via).add("a").digest(), digest);
  EXPECT_NE(KeyedHash(other, HashPurpose::Branch).add("a").digest(), digest);
}

TEST(KeyedHashTest, DigestMayBeTakenBetweenFields) {
  KeyedHash hash(kKey, HashPurpose::Branch);
  hash.add("a");
  EXPECT_EQ(hash.digest(), hash.digest());
  hash.add("b");
  EXPECT_EQ(hash.digest(), KeyedHash(kKey, HashPurpose::Branch).add("a").add("b").digest());
}

// Purpose and length take 5 of the buffer's 512 octets: 507 fill it, 508 are chained.
TEST(KeyedHashTest, TakesFieldsOfAnyLengthAroundTheBuffersEnd) {
  std::set<std::string> digests;
  for (size_t length = 500; length <= 520; ++length) {
    digests.insert(hex(digest_of(std::string(length, 'x'))));
  }
  for (const size_t length : {1002u, 1003u, 1004u, 1023u, 1024u, 1025u, 65535u}) {
    digests.insert(hex(digest_of(std::string(length, 'x'))));
  }
  EXPECT_EQ(digests.size(), 21u + 7u);
}

TEST(KeyedHashTest, SeesEachOctetOfALongField) {
  std::string field(1600, 'x');  // four buffers
  const KeyedHash::Digest whole = digest_of(field);
  for (size_t i = 0; i < field.size(); ++i) {
    field[i] = 'y';
    EXPECT_NE(digest_of(field), whole) << "octet " << i;
    field[i] = 'x';
  }
}

TEST(KeyedHashTest, KeepsFieldsApartWhereTheyCrossTheBuffersEnd) {
  std::set<std::string> digests;
  for (size_t first = 490; first <= 520; ++first) {
    const std::string a(first, 'x');
    const std::string b(1000 - first, 'x');
    digests.insert(hex(KeyedHash(kKey, HashPurpose::Branch).add(a).add(b).digest()));
  }
  EXPECT_EQ(digests.size(), 31u);
}

TEST(KeyedHashTest, AFieldCannotPoseAsTheDigestOfAFullBuffer) {
  // As chaining would leave it, were the purpose octet kept: purpose and then the digest's octets.
  const std::string long_field(507, 'x');
  const KeyedHash::Digest full = KeyedHash(kKey, HashPurpose::Branch).add(long_field).digest();
  KeyedHash posing(kKey, HashPurpose::Branch);
  for (size_t half = 0; half < full.size(); half += 8) {
    uint64_t number = 0;
    for (size_t i = 0; i < 8; ++i) number |= uint64_t{full[half + i]} << (8 * i);
    posing.add_number(number);
  }
  posing.add_number(7);
  EXPECT_NE(posing.digest(),
            KeyedHash(kKey, HashPurpose::Branch).add(long_field).add_number(7).digest());
}

TEST(KeyedHashTest, CaselessTakesLettersAlikeAndNothingElse) {
  const auto caseless = [](std::string_view field) {
    return KeyedHash(kKey, HashPurpose::Branch).add_caseless(field).digest();
  };
  EXPECT_EQ(caseless("Example.COM"), caseless("example.com"));
  EXPECT_EQ(caseless("example.com"), digest_of("example.com"));
  EXPECT_NE(caseless("@"), caseless("`"));  // beside A and a
  EXPECT_NE(caseless("["), caseless("{"));  // beside Z and z
  EXPECT_NE(caseless("\xC4"), caseless("\xE4"));
}

TEST(KeyedHashTest, CaselessTakesLongFields) {
  const std::string upper(600, 'X');
  const std::string lower(600, 'x');
  EXPECT_EQ(KeyedHash(kKey, HashPurpose::Branch).add_caseless(upper).digest(), digest_of(lower));
}

}  // namespace
}  // namespace siplb
