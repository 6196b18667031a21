#include "app/state_file.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "support/tight_files.h"

namespace siplb::app {
namespace {

namespace fs = std::filesystem;
using balance::OperatorState;

class StateFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "siplb-state-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "state";
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] StateFile file() const { return StateFile(path_); }
  void write(std::string_view text) { std::ofstream(path_) << text; }
  static std::string content(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
  fs::path path_;
};

const OperatorSettings kSettings{{"pbx/s1", {.state = OperatorState::Drain}},
                                 {"pbx/s2", {.weight = 50}},
                                 {"trunk/a", {.state = OperatorState::Maint, .weight = 0}}};

TEST_F(StateFileTest, GivesBackWhatItWasGiven) {
  ASSERT_TRUE(file().save(kSettings));
  const StateFile::Content loaded = file().load();
  EXPECT_EQ(loaded.settings, kSettings);
  EXPECT_EQ(loaded.fault, "");
}

TEST_F(StateFileTest, IsTextThatPeopleCanRead) {
  ASSERT_TRUE(file().save(kSettings));
  EXPECT_EQ(content(path_),
            "siplb-state 1\npbx/s1 drain -\npbx/s2 ready 50\ntrunk/a maint 0\nend\n");
}

TEST_F(StateFileTest, IsEmptyAndWithoutFaultWhereThereIsNone) {
  const StateFile::Content loaded = file().load();
  EXPECT_TRUE(loaded.settings.empty());
  EXPECT_EQ(loaded.fault, "");
}

TEST_F(StateFileTest, MayHoldNothing) {
  ASSERT_TRUE(file().save(kSettings));
  ASSERT_TRUE(file().save({}));
  const StateFile::Content loaded = file().load();
  EXPECT_TRUE(loaded.settings.empty());
  EXPECT_EQ(loaded.fault, "");
}

TEST_F(StateFileTest, PutsAsideWhatItDoesNotUnderstand) {
  struct Case {
    const char* description;
    std::string text;
  };
  const Case cases[] = {
      {"nothing at all", ""},
      {"another version", "siplb-state 2\nend\n"},
      {"no end", "siplb-state 1\npbx/s1 drain -\n"},
      {"cut within the end", "siplb-state 1\npbx/s1 drain -\nend"},
      {"something behind the end", "siplb-state 1\nend\n\n"},
      {"no such state", "siplb-state 1\npbx/s1 sleep -\nend\n"},
      {"no weight", "siplb-state 1\npbx/s1 drain\nend\n"},
      {"a weight that is none", "siplb-state 1\npbx/s1 drain 1x\nend\n"},
      {"a weight above the maximum", "siplb-state 1\npbx/s1 drain 1001\nend\n"},
      {"a server twice", "siplb-state 1\npbx/s1 drain -\npbx/s1 ready -\nend\n"},
      {"zeros, as a crash of other systems leaves them", std::string(64, '\0')},
      {"too long", "siplb-state 1\n" + std::string(kStateOctetsMax, 'x')},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.description);
    write(each.text);
    const StateFile::Content loaded = file().load();
    EXPECT_TRUE(loaded.settings.empty());
    EXPECT_EQ(loaded.fault, "not a state file of this version, now " + path_.string() + ".bad");
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(content(path_.string() + ".bad"), each.text);
    EXPECT_EQ(file().load().fault, "");
  }
}

TEST_F(StateFileTest, IsForgottenWhereItIsNoFile) {
  fs::create_directory(path_);
  const StateFile::Content loaded = file().load();
  EXPECT_TRUE(loaded.settings.empty());
  EXPECT_NE(loaded.fault, "");
}

TEST_F(StateFileTest, StaysAsItWasWhereTheDiskIsFull) {
  ASSERT_TRUE(file().save(kSettings));
  {
    const test::TightFiles full(4);
    const auto saved = file().save({});
    ASSERT_FALSE(saved);
    EXPECT_EQ(describe(saved.error()), "cannot write the state file: File too large");
  }
  EXPECT_EQ(file().load().settings, kSettings);
}

TEST_F(StateFileTest, SaysWhyWhereItsFolderIsMissing) {
  const auto saved = StateFile(folder_ / "missing" / "state").save(kSettings);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().sys_errno, ENOENT);
}

TEST_F(StateFileTest, IsInTheStateDirectoryElseBesideTheKey) {
  EXPECT_EQ(state_file_path("/var/lib/siplb:/other", "/etc/siplb/key"), "/var/lib/siplb/state");
  EXPECT_EQ(state_file_path("", "/etc/siplb/key"), "/etc/siplb/state");
}

TEST_F(StateFileTest, HoldsAsManyServersAsThereMayBe) {
  const std::string longest(32, 'x');
  OperatorSettings settings;
  for (size_t i = 0; i < balance::kServersMax; ++i) {
    const std::string number = std::to_string(i);
    settings[longest + '/' + longest.substr(number.size()) + number] = {
        .state = OperatorState::Drain, .weight = balance::kWeightMax};
  }
  ASSERT_TRUE(file().save(settings));
  EXPECT_EQ(file().load().settings, settings);
}

}  // namespace
}  // namespace siplb::app
