#include "app/whole_file.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/tight_files.h"

namespace siplb::app {
namespace {

namespace fs = std::filesystem;

class WholeFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "siplb-file-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "file";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string content() {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t file_count() {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
  fs::path path_;
};

TEST_F(WholeFileTest, MakesAFileForItsOwnerAlone) {
  ASSERT_TRUE(write_whole_file(path_, "one\n", IfThere::Replace));
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(content(), "one\n");
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(WholeFileTest, ReplacesOrKeepsWhatIsThere) {
  ASSERT_TRUE(write_whole_file(path_, "one", IfThere::Keep));
  ASSERT_TRUE(write_whole_file(path_, "two", IfThere::Keep));
  EXPECT_EQ(content(), "one");
  ASSERT_TRUE(write_whole_file(path_, "two", IfThere::Replace));
  EXPECT_EQ(content(), "two");
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(WholeFileTest, LeavesWhatWasThereWhereTheDiskIsFull) {
  ASSERT_TRUE(write_whole_file(path_, "one", IfThere::Replace));
  {
    const test::TightFiles full(4);
    EXPECT_FALSE(write_whole_file(path_, "too long", IfThere::Replace));
    EXPECT_EQ(errno, EFBIG);
  }
  EXPECT_EQ(content(), "one");
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(WholeFileTest, SaysWhyWhereTheFolderTakesNoFiles) {
  EXPECT_FALSE(write_whole_file(folder_ / "missing" / "file", "one", IfThere::Replace));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(write_whole_file("/proc/self/file", "one", IfThere::Replace));
  EXPECT_NE(errno, 0);
}

TEST_F(WholeFileTest, LeavesAWholeFileWhereSeveralWriteAtOnce) {
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([this, letter] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(write_whole_file(path_, std::string(1000, letter), IfThere::Replace));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string left = content();
  EXPECT_EQ(left, std::string(1000, left.at(0)));
  EXPECT_EQ(file_count(), 1u);
}

}  // namespace
}  // namespace siplb::app
