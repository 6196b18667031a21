#include "sip/rfc4648.h"

#include <cctype>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

struct Vector {
  std::string_view octets;
  std::string_view base32;
  std::string_view base64url;
};

// RFC 4648, 10, in lower case and without padding.
constexpr Vector kVectors[] = {
    {"", "", ""},
    {"f", "my", "Zg"},
    {"fo", "mzxq", "Zm8"},
    {"foo", "mzxw6", "Zm9v"},
    {"foob", "mzxw6yq", "Zm9vYg"},
    {"fooba", "mzxw6ytb", "Zm9vYmE"},
    {"foobar", "mzxw6ytboi", "Zm9vYmFy"},
    {"\xff\xef\xbe", "77x34", "_---"},  // the digits of base64url that base64 has not
};

std::vector<uint8_t> octets_of(std::string_view text) {
  return {text.begin(), text.end()};
}

// From a heap block of exact size, so that the sanitizer sees a read beyond the text.
template <class Decode>
bool decodes_exactly(Decode decode, std::string_view text, std::vector<uint8_t>& octets) {
  const auto block = std::make_unique<char[]>(text.size());
  text.copy(block.get(), text.size());
  return decode(std::string_view(block.get(), text.size()), octets);
}

TEST(Rfc4648Test, EncodesThePublishedVectors) {
  for (const Vector& vector : kVectors) {
    const std::vector<uint8_t> octets = octets_of(vector.octets);
    std::string base32(base32_length(octets.size()), '\0');
    encode_base32(octets, base32);
    EXPECT_EQ(base32, vector.base32);
    std::string base64url(base64url_length(octets.size()), '\0');
    encode_base64url(octets, base64url);
    EXPECT_EQ(base64url, vector.base64url);
  }
}

TEST(Rfc4648Test, DecodesThePublishedVectors) {
  for (const Vector& vector : kVectors) {
    const std::vector<uint8_t> expected = octets_of(vector.octets);
    std::vector<uint8_t> octets(expected.size());
    EXPECT_TRUE(decodes_exactly(decode_base32, vector.base32, octets)) << vector.base32;
    EXPECT_EQ(octets, expected);
    octets.assign(expected.size(), 0);
    EXPECT_TRUE(decodes_exactly(decode_base64url, vector.base64url, octets)) << vector.base64url;
    EXPECT_EQ(octets, expected);
  }
}

TEST(Rfc4648Test, Base32IsReadInAnyCase) {
  std::vector<uint8_t> octets(6);
  EXPECT_TRUE(decode_base32("MzXw6yTbOi", octets));
  EXPECT_EQ(octets, octets_of("foobar"));
}

TEST(Rfc4648Test, OnlyOneTextStandsForTheseOctets) {
  std::vector<uint8_t> octets(1);
  int base32_texts = 0;
  int base64url_texts = 0;
  for (int last = 0; last < 256; ++last) {
    const char tail = static_cast<char>(last);
    if (decode_base32(std::string("m") + tail, octets) && octets[0] == 'f' && !isupper(last)) {
      ++base32_texts;
    }
    if (decode_base64url(std::string("Z") + tail, octets) && octets[0] == 'f') ++base64url_texts;
  }
  EXPECT_EQ(base32_texts, 1);
  EXPECT_EQ(base64url_texts, 1);
}

TEST(Rfc4648Test, RefusesBitsBeyondTheLastOctet) {
  std::vector<uint8_t> octets(1);
  EXPECT_FALSE(decode_base32("mz", octets));
  EXPECT_FALSE(decode_base64url("Zh", octets));
}

TEST(Rfc4648Test, RefusesAnotherLength) {
  for (const std::string_view text : {"", "m", "myy", "mzxq", "my======"}) {
    std::vector<uint8_t> octets(1);
    EXPECT_FALSE(decodes_exactly(decode_base32, text, octets)) << text;
  }
  for (const std::string_view text : {"", "Z", "Zm8", "Zm9v", "Zg=="}) {
    std::vector<uint8_t> octets(1);
    EXPECT_FALSE(decodes_exactly(decode_base64url, text, octets)) << text;
  }
}

TEST(Rfc4648Test, RefusesWhatIsNoDigit) {
  std::vector<uint8_t> octets(5);
  for (const char c : {'0', '1', '8', '9', '=', ' ', '-', '\0', '\xff'}) {
    EXPECT_FALSE(decode_base32(std::string("mzxw6yt") + c, octets)) << int{c};
  }
  for (const char c : {'+', '/', '=', ' ', '.', '\0', '\xff'}) {
    EXPECT_FALSE(decode_base64url(std::string("Zm9vYm") + c, octets)) << int{c};
  }
}

TEST(Rfc4648Test, Base32DigitsHaveTheirValues) {
  for (unsigned value = 0; value < 32; ++value) {
    EXPECT_EQ(base32_value(base32_digit(value)), value);
  }
  EXPECT_EQ(base32_value('A'), 0);
  EXPECT_EQ(base32_value('Z'), 25);
  EXPECT_EQ(base32_value('1'), std::nullopt);
}

TEST(Rfc4648DeathTest, HasNoDigitAbove31) {
  EXPECT_DEATH((void)base32_digit(32), "assertion");
}

}  // namespace
}  // namespace siplb::sip
