#include "ctl/ask.h"

#include "typed_command.h"

namespace siplb::ctl {
namespace {

class AskTest : public test::TypedCommandTest {
 protected:
  [[nodiscard]] Command command(Output output = Output::People) const {
    return {.output = output, .socket = daemon_.socket()};
  }
  const Streams streams_{.out = out_, .errors = errors_};
};

std::string shouted(const std::string& body) {
  return body + '!';
}

TEST_F(AskTest, GivesTheBodyOfAnAnswer) {
  daemon_.body = "{\"a\":1}";
  EXPECT_EQ(std::get<std::string>(ask(command(), streams_, std::string("/v1/a?b=1"))), "{\"a\":1}");
  EXPECT_EQ(daemon_.asked, "GET /v1/a?b=1 ");
  const Change change{.path = "/v1/a", .body = "{}"};
  EXPECT_EQ(std::get<std::string>(ask(command(), streams_, change)), "{\"a\":1}");
  EXPECT_EQ(daemon_.asked, "POST /v1/a {}");
}

TEST_F(AskTest, SaysWhyItWasRefused) {
  daemon_.status = 404;
  daemon_.body = R"({"error":"no server pbx/s9"})";
  EXPECT_EQ(std::get<int>(ask(command(), streams_, std::string("/v1/a"))), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: no server pbx/s9\n");
}

TEST_F(AskTest, NamesTheForceThatWouldDoIt) {
  daemon_.status = 409;
  daemon_.body = R"({"error":"pbx/s1 is the last"})";
  EXPECT_EQ(std::get<int>(ask(command(), streams_, Change{"/v1/a", "{}"})), kExitRefused);
  EXPECT_EQ(errors_.str(), "siplbctl: pbx/s1 is the last (--force does it)\n");
}

TEST_F(AskTest, SaysThatNoDaemonIsThere) {
  const Command lost{.socket = "/nowhere"};
  EXPECT_EQ(std::get<int>(ask(lost, streams_, std::string("/v1/a"))), kExitNoDaemon);
  EXPECT_EQ(errors_.str(), "siplbctl: no siplbd at /nowhere: No such file or directory\n");
}

TEST_F(AskTest, PrintsTextForPeopleAndTheBodyForMachines) {
  EXPECT_EQ(print(command(), streams_, std::string("body"), shouted), kExitDone);
  EXPECT_EQ(out_.str(), "body!");
  out_.str("");
  EXPECT_EQ(print(command(Output::Json), streams_, std::string("body"), shouted), kExitDone);
  EXPECT_EQ(out_.str(), "body");
  out_.str("");
  EXPECT_EQ(print(command(), streams_, kExitNoDaemon, shouted), kExitNoDaemon);
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace siplb::ctl
