#include "config/suggest.h"

#include <vector>

#include <gtest/gtest.h>

namespace siplb::config {
namespace {

const std::vector<std::string_view> kWords = {"address", "name", "role", "transports"};

TEST(SuggestTest, FindsTheWordMeant) {
  for (const std::string_view word : {"adress", "addresss", "addrses", "Address", "addr3ss"}) {
    EXPECT_EQ(suggestion(word, kWords), " (did you mean 'address'?)") << word;
  }
  EXPECT_EQ(suggestion("rloe", kWords), " (did you mean 'role'?)");
}

TEST(SuggestTest, TakesTheNearest) {
  const std::vector<std::string_view> words = {"headers", "header", "heater"};
  EXPECT_EQ(suggestion("heder", words), " (did you mean 'header'?)");
}

TEST(SuggestTest, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(suggestion("colour", kWords), "");
  EXPECT_EQ(suggestion("", kWords), "");
  EXPECT_EQ(suggestion("adress", {}), "");
}

TEST(SuggestTest, IsSilentAboutLongWords) {
  const std::string longest(64, 'a');
  const std::vector<std::string_view> words = {longest};
  EXPECT_NE(suggestion(longest.substr(1), words), "");
  EXPECT_EQ(suggestion(longest + "a", words), "");
  const std::string too_long = longest + "a";
  const std::vector<std::string_view> long_words = {too_long};
  EXPECT_EQ(suggestion(longest, long_words), "");
}

}  // namespace
}  // namespace siplb::config
