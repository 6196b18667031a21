#include "load/call_key.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

constexpr uint32_t kSeed = 0x5eed;

// Reads from a heap block of the branch's size, so that the sanitizer sees a read past its end.
std::optional<BranchKey> read_exact(std::string_view branch, uint32_t seed = kSeed) {
  const auto block = std::make_unique<char[]>(branch.size());
  branch.copy(block.get(), branch.size());
  return read_branch({block.get(), branch.size()}, seed);
}

TEST(CallKeyTest, WritesEightLowerCaseDigits) {
  EXPECT_EQ(hex(0).view(), "00000000");
  EXPECT_EQ(hex(0xBEEF).view(), "0000beef");
  EXPECT_EQ(hex(UINT32_MAX).view(), "ffffffff");
}

TEST(CallKeyTest, WritesABranchThatNamesStepRunSlotAndNumber) {
  EXPECT_EQ(write_branch({{1, 0x20}, Step::Bye}, kSeed).view(), "z9hG4bKb00005eed0000000100000020");
}

TEST(CallKeyTest, ReadsEveryStepBack) {
  for (const Step step : {Step::Invite, Step::Ack, Step::Bye, Step::Options, Step::Register}) {
    const CallKey call{UINT32_MAX, 0x01234567};
    const std::optional<BranchKey> key = read_exact(write_branch({call, step}, kSeed));
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->call, call);
    EXPECT_EQ(key->step, step);
  }
}

TEST(CallKeyTest, GivesACancelTheBranchOfItsInvite) {
  const CallKey call{3, 4};
  const BranchText branch = write_branch({call, Step::Cancel}, kSeed);
  EXPECT_EQ(branch, write_branch({call, Step::Invite}, kSeed));
  std::string with_letter(branch.view());
  with_letter[kBranchStart.size()] = static_cast<char>(Step::Cancel);
  EXPECT_FALSE(read_exact(with_letter));
}

TEST(CallKeyTest, RefusesTheBranchOfAnotherRun) {
  EXPECT_FALSE(read_exact(write_branch({}, kSeed), kSeed + 1));
}

TEST(CallKeyTest, RefusesWhatIsNotOurs) {
  const std::string ours(write_branch({{1, 2}, Step::Invite}, kSeed).view());
  ASSERT_TRUE(read_exact(ours));
  for (size_t length = 0; length < ours.size(); ++length) {
    EXPECT_FALSE(read_exact(ours.substr(0, length))) << length;
  }
  EXPECT_FALSE(read_exact(ours + "0"));
  for (size_t at = 0; at < ours.size(); ++at) {
    std::string bent = ours;
    bent[at] = 'x';
    EXPECT_FALSE(read_exact(bent)) << at;
  }
}

}  // namespace
}  // namespace siplb::load
