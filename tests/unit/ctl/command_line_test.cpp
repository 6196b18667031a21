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
    const auto parsed = parse_command_line(arguments, environment_socket_, out_, errors_);
    const auto* command = std::get_if<Command>(&parsed);
    EXPECT_NE(command, nullptr) << errors_.str();
    return command == nullptr ? Command() : *command;
  }
  int code_of(const std::vector<std::string>& arguments) {
    const auto parsed = parse_command_line(arguments, environment_socket_, out_, errors_);
    const int* code = std::get_if<int>(&parsed);
    EXPECT_NE(code, nullptr);
    return code == nullptr ? -1 : *code;
  }

  std::string environment_socket_;
  std::ostringstream out_;
  std::ostringstream errors_;
};

TEST_F(CommandLineTest, ReadsEachVerb) {
  EXPECT_EQ(parse({"show", "servers"}).verb, Verb::ShowServers);
  EXPECT_EQ(parse({"show", "server", "pbx/s1"}).verb, Verb::ShowServer);
  EXPECT_EQ(parse({"show", "server", "pbx/s1"}).server, "pbx/s1");
  EXPECT_EQ(parse({"why-down", "pbx/s1/3"}).verb, Verb::WhyDown);
  EXPECT_EQ(parse({"why-down", "pbx/s1/3"}).server, "pbx/s1/3");

  const Command state = parse({"set", "server", "pbx/s1", "state", "drain"});
  EXPECT_EQ(state.verb, Verb::SetState);
  EXPECT_EQ(state.server + ' ' + state.state, "pbx/s1 drain");
  EXPECT_FALSE(state.force);

  const Command weight = parse({"set", "server", "pbx/s1", "weight", "0", "--force"});
  EXPECT_EQ(weight.verb, Verb::SetWeight);
  EXPECT_EQ(weight.weight, 0u);
  EXPECT_TRUE(weight.force);
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
      {"set", "server", "pbx/s1", "state", "sleep"},
      {"set", "server", "pbx/s1", "weight", "1001"},
      {"set", "server", "pbx/s1", "weight", "-1"},
      {"set", "server", "pbx/s1", "weight", "1.5"},
      {"set", "server", "pbx/s1", "weight", ""},
      {"set", "server", "pbx/s1", "colour", "red"},
      {"show", "servers", "--force"},
      {"why-down"},
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
}

}  // namespace
}  // namespace siplb::ctl
