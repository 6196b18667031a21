// The table of all verbs (ctl/verbs.cpp).
#include "ctl/verb.h"

#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/command_line.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;

TEST(VerbsTest, HasAllOfTheContract) {
  std::set<std::string> all;
  for (const Verb& verb : verbs()) all.insert(verb.words);
  EXPECT_EQ(all.size(), verbs().size());
  for (const char* words : {"show servers",   "show server",  "show groups",
                            "show listeners", "show workers", "show connections",
                            "show memory",    "show events",  "show key",
                            "set server",     "reload",       "check",
                            "bans",           "why-down",     "drain",
                            "dump",           "doctor",       "top",
                            "trace",          "route-test"}) {
    EXPECT_TRUE(all.contains(words)) << words;
  }
}

TEST(VerbsTest, EachExplainsItselfAndItsArguments) {
  for (const Verb& verb : verbs()) {
    std::vector<std::string> words;
    std::istringstream split(verb.words);
    for (std::string word; split >> word;) words.push_back(word);
    words.emplace_back("--help");
    std::ostringstream out;
    const auto parsed = parse_command_line(words, "", {.out = out, .errors = out});
    EXPECT_EQ(std::get<int>(parsed), kExitDone) << verb.words;
    EXPECT_THAT(out.str(), HasSubstr(verb.summary));
    EXPECT_THAT(out.str(), HasSubstr(verb.details));
    for (const Argument& argument : verb.arguments) {
      EXPECT_THAT(out.str(), HasSubstr(argument.name)) << verb.words;
      EXPECT_STRNE(argument.help, "") << verb.words;
    }
    std::istringstream lines(verb.details);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 92u) << line;
  }
}

}  // namespace
}  // namespace siplb::ctl
