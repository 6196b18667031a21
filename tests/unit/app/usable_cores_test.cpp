#include "app/usable_cores.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

TEST(CpuMaxTest, ReadsWholeProcessors) {
  EXPECT_EQ(parse_cpu_max("200000 100000"), 2U);
  EXPECT_EQ(parse_cpu_max("250000 100000"), 2U);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 1U);
}

TEST(CpuMaxTest, SaysNothingWhereThereIsNoQuota) {
  for (const std::string_view text : {"max 100000", "", "100000", "1 0", "a b", " "}) {
    EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
  }
}

class CgroupTest : public testing::Test {
 protected:
  CgroupTest() {
    std::string name = (std::filesystem::temp_directory_path() / "siplb-cgroup-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~CgroupTest() override { std::filesystem::remove_all(root_); }

  void set_quota(const std::filesystem::path& cgroup, std::string_view quota) {
    std::filesystem::create_directories(root_ / cgroup);
    std::ofstream(root_ / cgroup / "cpu.max") << quota << "\n";
  }

  std::filesystem::path root_;
};

TEST_F(CgroupTest, TakesTheLowestQuotaOnTheWayUp) {
  set_quota("a/b/c", "max 100000");
  set_quota("a/b", "300000 100000");
  set_quota("a", "800000 100000");
  EXPECT_EQ(cgroup_cores(root_, "/a/b/c"), 3U);
  set_quota("a/b/c", "100000 100000");
  EXPECT_EQ(cgroup_cores(root_, "/a/b/c"), 1U);
  EXPECT_EQ(cgroup_cores(root_, "/a"), 8U);
}

TEST_F(CgroupTest, SaysNothingWithoutCgroups) {
  EXPECT_EQ(cgroup_cores(root_, "/"), std::nullopt);
  EXPECT_EQ(cgroup_cores(root_, "/not/there"), std::nullopt);
}

TEST(UsableCoresTest, IsAtLeastOne) {
  EXPECT_GE(usable_cores(), 1U);
}

}  // namespace
}  // namespace siplb::app
