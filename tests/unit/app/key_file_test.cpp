#include "app/key_file.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace siplb::app {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test.
class KeyFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "siplb-key-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "key";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(std::string_view text) { std::ofstream(path_) << text; }
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

TEST_F(KeyFileTest, MakesAFileThatOnlyItsOwnerCanRead) {
  ASSERT_TRUE(load_or_create_key(path_));
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_FALSE(key_file_is_exposed(path_));

  const std::string text = content();
  ASSERT_EQ(text.size(), 33u);
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), 32u);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(KeyFileTest, GivesTheSameKeyAtEveryStart) {
  const Result<HashKey> first = load_or_create_key(path_);
  const std::string text = content();
  const Result<HashKey> second = load_or_create_key(path_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(content(), text);
}

TEST_F(KeyFileTest, MakesAnotherKeyForAnotherFile) {
  const Result<HashKey> one = load_or_create_key(path_);
  const Result<HashKey> other = load_or_create_key(folder_ / "other");
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
}

TEST_F(KeyFileTest, ReadsDigitsInAnyCaseWithAndWithoutNewline) {
  const HashKey expected{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xab, 0xcd, 0xef, 0xAB, 0xCD, 0xff}};
  for (const std::string_view text :
       {"00010203040506070809abcdefABCDff\n", "00010203040506070809abcdefABCDff"}) {
    write(text);
    const Result<HashKey> key = load_or_create_key(path_);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(*key, expected);
  }
}

TEST_F(KeyFileTest, RefusesWhatIsNoKeyAndLeavesItAlone) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {
           ""sv,
           "\n"sv,
           "00010203040506070809abcdefabcdf\n"sv,
           "00010203040506070809abcdefabcdfff\n"sv,
           "00010203040506070809abcdefabcdff\n\n"sv,
           "00010203040506070809abcdefabcdff \n"sv,
           " 00010203040506070809abcdefabcdff"sv,
           "00010203040506070809abcdefabcdfg\n"sv,
           "0x010203040506070809abcdefabcdff\n"sv,
           "0001020304050607-809abcdefabcdff\n"sv,
           "0001020304050607\000809abcdefabcdf\n"sv,
       }) {
    write(text);
    const Result<HashKey> key = load_or_create_key(path_);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, ErrorCode::KeyFileMalformed);
    EXPECT_EQ(content(), text);
  }
}

TEST_F(KeyFileTest, SaysWhyAFileCannotBeMade) {
  const Result<HashKey> key = load_or_create_key(folder_ / "absent" / "key");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::KeyFileOpen);
  EXPECT_EQ(key.error().sys_errno, ENOENT);
}

TEST_F(KeyFileTest, SaysWhyAFileCannotBeRead) {
  const Result<HashKey> key = load_or_create_key(folder_);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::KeyFileOpen);
  EXPECT_EQ(key.error().sys_errno, EISDIR);
}

TEST_F(KeyFileTest, ProcessesThatStartAtOnceAgreeOnOneKey) {
  constexpr size_t kStarterCount = 8;
  std::vector<HashKey> keys(kStarterCount);
  std::atomic<size_t> loaded_count{0};
  std::vector<std::thread> starters;
  for (size_t i = 0; i < kStarterCount; ++i) {
    starters.emplace_back([&, i] {
      const Result<HashKey> key = load_or_create_key(path_);
      if (!key) return;
      keys[i] = *key;
      loaded_count.fetch_add(1);
    });
  }
  for (std::thread& starter : starters) starter.join();
  EXPECT_EQ(loaded_count.load(), kStarterCount);
  for (const HashKey& key : keys) EXPECT_EQ(key, keys.front());
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(KeyFileTest, TellsWhenOthersCanReadTheKey) {
  ASSERT_TRUE(load_or_create_key(path_));
  fs::permissions(path_, fs::perms::group_read, fs::perm_options::add);
  EXPECT_TRUE(key_file_is_exposed(path_));
  EXPECT_TRUE(load_or_create_key(path_));
  EXPECT_FALSE(key_file_is_exposed(folder_ / "absent"));
}

}  // namespace
}  // namespace siplb::app
