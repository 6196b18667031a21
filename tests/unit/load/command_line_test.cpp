#include "load/command_line.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::load {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CommandLineTest : public ::testing::Test {
 protected:
  // Splits at spaces.
  CommandLine parse(const std::string& line) {
    std::istringstream words(line);
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    out.str("");
    errors.str("");
    return parse_command_line(arguments, out, errors);
  }
  CallCommand call(const std::string& options) { return get<CallCommand>("call " + options); }
  ServeCommand serve(const std::string& options) { return get<ServeCommand>("serve " + options); }

  std::ostringstream out;
  std::ostringstream errors;

 private:
  template <class Command>
  Command get(const std::string& line) {
    const CommandLine command = parse(line);
    const auto* wanted = std::get_if<Command>(&command);
    EXPECT_NE(wanted, nullptr) << line << ": " << errors.str();
    return wanted != nullptr ? *wanted : Command{};
  }
};

TEST_F(CommandLineTest, PlacesOneCallAtATimeUnlessTold) {
  const CallCommand command = call("--to 192.0.2.1:5060");
  EXPECT_EQ(command.caller.target, SockAddress::v4(0xC0000201, 5060));
  EXPECT_EQ(command.caller.work, Work::Call);
  EXPECT_EQ(command.caller.pace.window, 1U);
  EXPECT_EQ(command.caller.pace.rate, 0);
  EXPECT_EQ(command.caller.calls_max, 1U);
  EXPECT_EQ(command.caller.in_dialog, NextHop::ByRoute);
  EXPECT_EQ(command.source_count, 1U);
  EXPECT_EQ(command.seed, std::nullopt);
  EXPECT_EQ(command.from, std::nullopt);
  EXPECT_EQ(command.display, std::nullopt);
  EXPECT_FALSE(command.json);
}

TEST_F(CommandLineTest, ReadsEveryOptionOfCall) {
  const CallCommand command = call(
      "--to [::1]:5060 --rate 2.5 --calls 9 --duration 1m --mix register --hold 500ms --sources 3"
      " --from [::1]:0 --outbound --slots 77 --seed 5 --loss 5 --json --table");
  EXPECT_EQ(command.caller.pace.rate, 2.5);
  EXPECT_EQ(command.caller.pace.calls_max, 9U);
  EXPECT_EQ(command.caller.pace.duration, 1min);
  EXPECT_EQ(command.caller.work, Work::Register);
  EXPECT_EQ(command.caller.hold, 500ms);
  EXPECT_EQ(command.caller.in_dialog, NextHop::Target);
  EXPECT_EQ(command.caller.calls_max, 77U);
  EXPECT_EQ(command.source_count, 3U);
  EXPECT_EQ(command.from, SockAddress::parse("[::1]:0"));
  EXPECT_EQ(command.seed, 5U);
  EXPECT_EQ(command.loss, 0.05);
  EXPECT_EQ(command.display, Display::Table);
  EXPECT_TRUE(command.json);
  EXPECT_EQ(call("--to [::1]:5060 --progress").display, Display::Progress);
  EXPECT_EQ(call("--to [::1]:5060 --mix options").caller.work, Work::Options);
}

TEST_F(CommandLineTest, CancelsAPercentageOfCallsSomeTimeAfterTheyRing) {
  EXPECT_EQ(call("--to 192.0.2.1:5060").caller.cancel_share, 0);
  const CallCommand command = call("--to 192.0.2.1:5060 --cancel 25 --cancel-after 2s");
  EXPECT_EQ(command.caller.cancel_share, 0.25);
  EXPECT_EQ(command.caller.cancel_after, 2s);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --cancel 100").caller.cancel_after, 0s);
}

TEST_F(CommandLineTest, HasMemoryForAllCallsThatMayBeInFlight) {
  EXPECT_EQ(call("--to 192.0.2.1:5060 --window 50").caller.calls_max, 50U);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --window 50 --slots 10").caller.calls_max, 50U);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --rate 10 --hold 8s").caller.calls_max, 400U);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --rate 1000000").caller.calls_max, 262144U);
}

TEST_F(CommandLineTest, NamesServersInARowWithPortsInARow) {
  const ServeCommand command =
      serve("--listen 192.0.2.1:5070 --listen 192.0.2.2:0 --count 2 --drop 0.5");
  const std::vector<SockAddress> listen = {
      SockAddress::v4(0xC0000201, 5070), SockAddress::v4(0xC0000201, 5071),
      SockAddress::v4(0xC0000202, 0), SockAddress::v4(0xC0000202, 0)};
  EXPECT_EQ(command.listen, listen);
  ASSERT_EQ(command.answerer.servers.size(), 4U);
  for (size_t i = 0; i < listen.size(); ++i) {
    EXPECT_EQ(command.answerer.servers[i].name, "s" + std::to_string(i + 1));
    EXPECT_EQ(command.answerer.servers[i].address, listen[i]);
    EXPECT_EQ(command.answerer.servers[i].faults.drop, 0.5);
  }
  EXPECT_EQ(command.answerer.ring, Duration::zero());
  EXPECT_EQ(command.duration, Duration::zero());
}

TEST_F(CommandLineTest, ReadsEveryOptionOfServe) {
  const ServeCommand command = serve(
      "--listen 192.0.2.1:0 --count 2 --ring off --delay 1s --reject-503 0.25 --capacity 100"
      " --service 20ms --fault s2:service=200ms"
      " --fault s2:silent --fault s2:delay=2s --fault all:duplicate --loss 5 --seed 4 --duration 5s"
      " --json");
  const Faults& common = command.answerer.servers[0].faults;
  const Faults& second = command.answerer.servers[1].faults;
  EXPECT_FALSE(common.silent);
  EXPECT_TRUE(second.silent);
  EXPECT_EQ(common.delay, 1s);
  EXPECT_EQ(second.delay, 2s);
  EXPECT_EQ(common.service, 20ms);
  EXPECT_EQ(second.service, 200ms);
  EXPECT_EQ(second.reject, 0.25);
  EXPECT_EQ(second.capacity, 100);
  EXPECT_TRUE(common.duplicate);
  EXPECT_TRUE(second.duplicate);
  EXPECT_EQ(command.loss, 0.05);
  EXPECT_EQ(command.answerer.ring, std::nullopt);
  EXPECT_EQ(command.answerer.seed, 4U);
  EXPECT_EQ(command.duration, 5s);
  EXPECT_TRUE(command.json);
  EXPECT_EQ(serve("--listen 192.0.2.1:0 --ring 3s").answerer.ring, 3s);
  EXPECT_TRUE(serve("--listen 192.0.2.1:0 --silent").answerer.servers[0].faults.silent);
}

TEST_F(CommandLineTest, ReadsHowCallsUseConnections) {
  const CallCommand plain = call("--to 192.0.2.1:5060 --transport tcp");
  EXPECT_EQ(plain.caller.transport, sip::Transport::Tcp);
  EXPECT_EQ(plain.caller.sharing, Sharing::Shared);
  EXPECT_EQ(plain.caller.connections, 1U);
  EXPECT_EQ(plain.stuck_count, 0U);
  const CallCommand command =
      call("--to 192.0.2.1:5060 --transport tcp --connections 50 --stuck 3 --slow-read 1000");
  EXPECT_EQ(command.caller.connections, 50U);
  EXPECT_EQ(command.stuck_count, 3U);
  EXPECT_EQ(command.reading.octets_per_second, 1000);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --transport tcp --connection-per-call").caller.sharing,
            Sharing::PerCall);
  EXPECT_EQ(call("--to 192.0.2.1:5060 --transport udp").caller.transport, sip::Transport::Udp);
}

TEST_F(CommandLineTest, ReadsHowServersUseConnections) {
  EXPECT_EQ(serve("--listen 192.0.2.1:0").answerer.transport, sip::Transport::Udp);
  const ServeCommand command = serve(
      "--listen 192.0.2.1:0 --count 2 --transport tcp --slow-read 100 --reset-every 9"
      " --fault s2:stuck");
  EXPECT_EQ(command.answerer.transport, sip::Transport::Tcp);
  const Reading& first = command.answerer.servers[0].faults.reading;
  EXPECT_EQ(first.octets_per_second, 100);
  EXPECT_EQ(first.reset_every, 9);
  EXPECT_FALSE(first.stuck);
  EXPECT_TRUE(command.answerer.servers[1].faults.reading.stuck);
  EXPECT_TRUE(serve("--listen 192.0.2.1:0 --transport tcp --stuck")
                  .answerer.servers[0]
                  .faults.reading.stuck);
}

TEST_F(CommandLineTest, RefusesWhatCannotBeRunAndSaysWhy) {
  struct Case {
    const char* line;
    const char* said;
  };
  const Case cases[] = {
      {"", "subcommand"},
      {"dance", "subcommand"},
      {"call", "--to is required"},
      {"call --to nowhere", "nowhere is no address"},
      {"call --to 192.0.2.1:0", "cannot be called"},
      {"call --to 0.0.0.0:5060", "cannot be called"},
      {"call --to 192.0.2.1:5060 --rate 0", "--rate"},
      {"call --to 192.0.2.1:5060 --rate 5 --window 5", "excludes"},
      {"call --to 192.0.2.1:5060 --table --progress", "excludes"},
      {"call --to 192.0.2.1:5060 --mix dance", "--mix: dance not in {call,options,register}"},
      {"call --to 192.0.2.1:5060 --mix 1", "--mix"},
      {"call --to 192.0.2.1:5060 --hold 5", "5 is no duration"},
      {"call --to 192.0.2.1:5060 --cancel 101", "--cancel"},
      {"call --to 192.0.2.1:5060 --cancel 5 --cancel-after 5", "5 is no duration"},
      {"call --to 192.0.2.1:5060 --cancel-after 5s", "requires --cancel"},
      {"call --to 192.0.2.1:5060 --cancel 5 --mix options", "only calls can be cancelled"},
      {"call --to 192.0.2.1:5060 --loss 101", "--loss"},
      {"call --to 192.0.2.1:5060 --sources 65", "--sources"},
      {"call --to 192.0.2.1:5060 --from [::1]:0", "cannot reach"},
      {"call --to 192.0.2.1:5060 --from 192.0.2.2:7000 --sources 2", "port 0"},
      {"call --to 192.0.2.1:5060 --transport sctp", "--transport"},
      {"call --to 192.0.2.1:5060 --connections 2", "only tcp has connections"},
      {"call --to 192.0.2.1:5060 --connection-per-call", "only tcp has connections"},
      {"call --to 192.0.2.1:5060 --slow-read 9", "only tcp has connections"},
      {"call --to 192.0.2.1:5060 --transport tcp --stuck 2", "requires --connections"},
      {"call --to 192.0.2.1:5060 --transport tcp --connections 2 --stuck 3", "not so many"},
      {"call --to 192.0.2.1:5060 --transport tcp --loss 1", "tcp loses nothing"},
      {"call --to 192.0.2.1:5060 --transport tcp --connections 2 --connection-per-call",
       "excludes"},
      {"serve", "--listen is required"},
      {"serve --listen 192.0.2.1:0 --stuck", "only tcp has connections"},
      {"serve --listen 192.0.2.1:0 --fault s1:reset-every=5", "only tcp has connections"},
      {"serve --listen 192.0.2.1:0 --transport tcp --loss 1", "tcp loses nothing"},
      {"serve --listen 0.0.0.0:0", "a server needs its address"},
      {"serve --listen 192.0.2.1:65535 --count 2", "not so many ports"},
      {"serve --listen 192.0.2.1:0 --listen 192.0.2.1:0 --count 33", "at most 64 servers"},
      {"serve --listen 192.0.2.1:0 --drop 1.5", "--drop"},
      {"serve --listen 192.0.2.1:0 --fault s2:silent", "there is no server s2"},
      {"serve --listen 192.0.2.1:0 --fault s1", "is none of silent"},
      {"serve --listen 192.0.2.1:0 --fault all:slow", "is none of silent"},
      {"serve --listen 192.0.2.1:0 --loss 101", "--loss"},
      {"serve --listen 192.0.2.1:0 --fault s1:slow", "is none of silent"},
      {"serve --listen 192.0.2.1:0 --ring never", "never is no duration"},
  };
  for (const Case& each : cases) {
    const CommandLine command = parse(each.line);
    ASSERT_TRUE(std::holds_alternative<int>(command)) << each.line;
    EXPECT_EQ(std::get<int>(command), 2) << each.line;
    EXPECT_THAT(errors.str(), HasSubstr(each.said)) << each.line;
    EXPECT_EQ(out.str(), "") << each.line;
  }
}

TEST_F(CommandLineTest, HelpsOnStandardOutput) {
  EXPECT_EQ(std::get<int>(parse("call --help")), 0);
  EXPECT_THAT(out.str(), HasSubstr("{call,options,register}"));
  EXPECT_EQ(errors.str(), "");
  EXPECT_EQ(std::get<int>(parse("--version")), 0);
  EXPECT_THAT(out.str(), HasSubstr("siplb-load " SIPLB_VERSION));
}

}  // namespace
}  // namespace siplb::load
