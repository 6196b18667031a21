#include "observe/journal.h"

#include <gtest/gtest.h>

namespace siplb::observe {
namespace {

TEST(JournalTest, IsWhereTheEnvironmentNamesThisVeryFile) {
  EXPECT_TRUE(is_journal_stream("8:12345", 8, 12345));
  for (const auto* other : {"8:12346", "9:12345", "8:123456", "812345", "8:", ":12345", ""}) {
    EXPECT_FALSE(is_journal_stream(other, 8, 12345)) << other;
  }
}

}  // namespace
}  // namespace siplb::observe
