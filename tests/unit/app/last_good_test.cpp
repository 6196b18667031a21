#include "app/last_good.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kText =
    "global: {key_file: keys/node}\n"
    "listeners: [{name: edge, address: \"127.0.0.1:5060\"}]\n"
    "groups: [{name: g, servers: [{name: s, uri: \"sip:127.0.0.1:5999\"}]}]\n";

class LastGoodTest : public testing::Test {
 protected:
  LastGoodTest() {
    std::string name = (std::filesystem::temp_directory_path() / "siplb-last-good-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    state_ = name;
  }
  ~LastGoodTest() override { std::filesystem::remove_all(state_); }

  std::string state_;
};

TEST_F(LastGoodTest, BringsBackWhatItHasKept) {
  const LastGood last_good(state_, "/etc/siplb/siplb.yaml");
  ASSERT_TRUE(last_good.keep("an earlier one"));
  ASSERT_TRUE(last_good.keep(kText));
  const config::LoadResult loaded = last_good.load();
  ASSERT_TRUE(loaded.good());
  EXPECT_EQ(loaded.text, kText);
  EXPECT_EQ(loaded.configuration.listeners.front().name, "edge");
}

TEST_F(LastGoodTest, PathsInItStartAtTheFolderOfTheFileThatItWas) {
  ASSERT_TRUE(LastGood(state_, "/etc/siplb/siplb.yaml").keep(kText));
  EXPECT_EQ(LastGood(state_, "/etc/siplb/siplb.yaml").load().configuration.global.key_file,
            "/etc/siplb/keys/node");
  EXPECT_EQ(LastGood(state_, "siplb.yaml").load().configuration.global.key_file,
            (std::filesystem::current_path() / "keys/node").string());
}

TEST_F(LastGoodTest, StandsInTheFirstStateDirectory) {
  EXPECT_EQ(LastGood("/var/lib/siplb:/var/lib/more", "siplb.yaml").path(),
            "/var/lib/siplb/last-good.yaml");
}

TEST_F(LastGoodTest, HasAFaultWhereNothingWasKept) {
  const config::LoadResult loaded = LastGood(state_, "siplb.yaml").load();
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_THAT(config::to_text(loaded.faults.front()), HasSubstr("No such file"));
}

TEST_F(LastGoodTest, KeepsNothingWithoutAStateDirectory) {
  const LastGood nowhere("", "siplb.yaml");
  EXPECT_TRUE(nowhere.keep(kText));
  EXPECT_FALSE(nowhere.load().good());
}

TEST_F(LastGoodTest, SaysWhenItCanNotKeep) {
  EXPECT_FALSE(LastGood(state_ + "/missing", "siplb.yaml").keep(kText));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace siplb::app
