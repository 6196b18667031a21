#include "sip/octet_block.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

// Every octet at every place of texts around one, two and three blocks must be judged as the table
// of classes judges it. From heap blocks of exact size, so that the sanitizer sees a read beyond.
template <CharClass kWanted>
void expect_agreement() {
  for (size_t size = 0; size <= 50; ++size) {
    const auto text = std::make_unique<char[]>(size);
    std::memset(text.get(), 'a', size);
    EXPECT_EQ(long_span_of<kWanted>({text.get(), size}), size);
    for (size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet <= 0xff; ++octet) {
        text[at] = static_cast<char>(octet);
        ASSERT_EQ(long_span_of<kWanted>({text.get(), size}), span_of(kWanted, {text.get(), size}))
            << "octet " << octet << " at " << at << " of " << size;
      }
      text[at] = 'a';
    }
  }
}

TEST(OctetBlockTest, AgreesWithTheTableOnWords) {
  expect_agreement<kWordChar>();
}

TEST(OctetBlockTest, AgreesWithTheTableOnUris) {
  expect_agreement<kUriChar>();
}

TEST(OctetBlockTest, AgreesWithTheTableOnTagsAndBranches) {
  expect_agreement<kOpaqueChar>();
}

TEST(OctetBlockTest, TellsTheFirstOfSeveral) {
  EXPECT_EQ(long_span_of<kOpaqueChar>("abc;def;abcdefghijklmnop"), 3U);
  EXPECT_EQ(long_span_of<kOpaqueChar>("abcdefghijklmnopq;rs;tuv"), 17U);
  EXPECT_TRUE(long_all_of<kOpaqueChar>("abcdefghijklmnopqrstuvwx"));
  EXPECT_FALSE(long_all_of<kOpaqueChar>(""));
}

}  // namespace
}  // namespace siplb::sip
