#include "ctl/doctor.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "admin_answers.h"
#include "typed_command.h"

namespace siplb::ctl {
namespace {

using DoctorTest = test::TypedCommandTest;
using Json = nlohmann::json;

TEST_F(DoctorTest, WorksWithoutADaemon) {
  const int code = run_at("/nowhere", {"doctor"});
  EXPECT_TRUE(code == kExitDone || code == kExitRefused) << code;  // as this host is
  EXPECT_NE(out_.str(), "");
  EXPECT_EQ(errors_.str(), "");
}

TEST_F(DoctorTest, ExitsAsItsFindingsSay) {
  const int code = run_at("/nowhere", {"doctor", "--json"});
  const Json checks = Json::parse(out_.str()).at("checks");
  const bool is_well = std::all_of(checks.begin(), checks.end(),
                                   [](const Json& check) { return check.at("good").get<bool>(); });
  EXPECT_EQ(code, is_well ? kExitDone : kExitRefused);
}

TEST_F(DoctorTest, AsksWhereTheDaemonListens) {
  daemon_.bodies["/v1/status"] = {test::kStatus};
  daemon_.bodies["/v1/listeners"] = {
      R"({"listeners":[{"address":"0.0.0.0:40000"},{"address":"[::]:40001"}]})"};
  const Command command{.socket = daemon_.socket()};
  const auto findings = findings_of_host(command);
  EXPECT_EQ(daemon_.asked, "GET /v1/listeners ");
  const auto range = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& each) { return each.check == "port-range"; });
  if (range != findings.end() && range->text.find("32768-60999") != std::string::npos) {
    EXPECT_NE(range->text.find("our 40000 among them, our 40001 among them"), std::string::npos);
  }
}

TEST(DoctorJsonTest, HasARemedyForWhatIsNotGood) {
  const Json expected = {{"checks",
                          {{{"check", "a"}, {"good", true}, {"text", "t"}, {"remedy", nullptr}},
                           {{"check", "b"}, {"good", false}, {"text", "u"}, {"remedy", "r"}}}}};
  EXPECT_EQ(Json::parse(findings_json({{"a", "t", ""}, {"b", "u", "r"}})), expected);
}

}  // namespace
}  // namespace siplb::ctl
