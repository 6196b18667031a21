#include "ctl/program.h"

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

Printed shell(const std::string& script) {
  const auto printed = run_program({"sh", "-c", script});
  EXPECT_TRUE(printed.has_value());
  return printed.value_or(Printed());
}

TEST(ProgramTest, KeepsWhatIsPrintedAndTheExitCode) {
  const Printed printed = shell("echo out; echo errors >&2; exit 3");
  EXPECT_EQ(printed.code, 3);
  EXPECT_EQ(printed.out, "out\n");
  EXPECT_EQ(printed.errors, "errors\n");
}

TEST(ProgramTest, GivesItNothingToRead) {
  EXPECT_EQ(shell("cat; echo end").out, "end\n");
}

TEST(ProgramTest, TellsWhichSignalEndedIt) {
  EXPECT_EQ(shell("kill -TERM $$").code, 128 + 15);
}

TEST(ProgramTest, ReadsBothStreamsWhateverTheirOrder) {
  const Printed printed = shell(
      "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567; "
      "echo 0123456789012345678901234567 >&2; i=$((i+1)); done");
  EXPECT_EQ(printed.out.size(), 3000u * 29);
  EXPECT_EQ(printed.errors.size(), 3000u * 29);
}

TEST(ProgramTest, KeepsSoMuchOnly) {
  EXPECT_EQ(shell("head -c 2000000 /dev/zero").out.size(), kPrintedMax);
}

TEST(ProgramTest, FindsNoProgramWhereThereIsNone) {
  EXPECT_FALSE(run_program({"/nowhere/siplbd"}).has_value());
  EXPECT_FALSE(run_program({"siplbd-that-is-not-there"}).has_value());
}

}  // namespace
}  // namespace siplb::ctl
