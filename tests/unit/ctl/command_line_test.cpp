#include "ctl/command_line.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

using testing::HasSubstr;

class CommandLineTest : public testing::Test {
 protected:
  Command parse(const std::vector<std::string>& arguments) {
    const auto parsed = parse_command_line(arguments, environment_socket_, streams_);
    const auto* command = std::get_if<Command>(&parsed);
    EXPECT_NE(command, nullptr) << errors_.str();
    return command == nullptr ? Command() : *command;
  }
  int code_of(const std::vector<std::string>& arguments) {
    const auto parsed = parse_command_line(arguments, environment_socket_, streams_);
    const int* code = std::get_if<int>(&parsed);
    EXPECT_NE(code, nullptr) << testing::PrintToString(arguments);
    return code == nullptr ? -1 : *code;
  }

  std::string environment_socket_;
  std::ostringstream out_;
  std::ostringstream errors_;
  const Streams streams_{.out = out_, .errors = errors_};
};

TEST_F(CommandLineTest, ReadsVerbsWithTheirArguments) {
  EXPECT_STREQ(parse({"show", "servers"}).verb->words, "show servers");
  EXPECT_EQ(parse({"show", "server", "pbx/s1"}).value("server"), "pbx/s1");
  EXPECT_EQ(parse({"why-down", "pbx/s1/3"}).value("server"), "pbx/s1/3");
  EXPECT_EQ(parse({"show", "events", "--last", "7"}).value("--last"), "7");
  EXPECT_FALSE(parse({"show", "events"}).has("--follow"));
  EXPECT_TRUE(parse({"show", "events", "--follow"}).has("--follow"));

  const Command set = parse({"set", "server", "pbx/s1", "weight", "0", "--force"});
  EXPECT_STREQ(set.verb->words, "set server");
  EXPECT_EQ(set.value("what") + ' ' + set.value("value"), "weight 0");
  EXPECT_TRUE(set.has("--force"));
}

TEST_F(CommandLineTest, TakesOptionsBeforeAndBehindTheVerb) {
  for (const auto& arguments : {std::vector<std::string>{"--json", "show", "servers"},
                                std::vector<std::string>{"show", "servers", "--json"}}) {
    EXPECT_EQ(parse(arguments).output, Output::Json);
  }
  EXPECT_EQ(parse({"show", "servers"}).output, Output::People);
}

TEST_F(CommandLineTest, LooksForTheSocketInThreePlaces) {
  EXPECT_EQ(parse({"show", "servers"}).socket, "/run/siplb/admin.sock");
  environment_socket_ = "/tmp/a.sock";
  EXPECT_EQ(parse({"show", "servers"}).socket, "/tmp/a.sock");
  EXPECT_EQ(parse({"--socket", "/tmp/b.sock", "show", "servers"}).socket, "/tmp/b.sock");
}

TEST_F(CommandLineTest, RefusesWhatItDoesNotKnow) {
  const std::vector<std::string> wrong[] = {
      {},
      {"show"},
      {"show", "nothing"},
      {"show", "server"},
      {"show", "server", "pbx"},
      {"show", "server", "/s1"},
      {"show", "server", "pbx/"},
      {"show", "server", "pbx/s1?"},
      {"set", "server", "pbx/s1"},
      {"set", "server", "pbx/s1", "state"},
      {"set", "server", "pbx/s1", "colour", "red"},
      {"show", "servers", "--force"},
      {"show", "events", "--last", "many"},
      {"show", "events", "--last", ""},
      {"show", "events", "--last", "-1"},
      {"why-down"},
      {"check"},
  };
  for (const auto& arguments : wrong) {
    EXPECT_EQ(code_of(arguments), kExitUsage) << testing::PrintToString(arguments);
  }
}

TEST_F(CommandLineTest, ExplainsItself) {
  EXPECT_EQ(code_of({"--help"}), kExitDone);
  EXPECT_THAT(out_.str(), HasSubstr("why-down"));
  EXPECT_EQ(code_of({"--version"}), kExitDone);
  EXPECT_THAT(out_.str(), HasSubstr("siplbctl "));
  EXPECT_EQ(code_of({"set", "server", "--help"}), kExitDone);
  EXPECT_THAT(out_.str(), HasSubstr("siplbctl set server pbx/s1 weight 50"));
}

}  // namespace
}  // namespace siplb::ctl
